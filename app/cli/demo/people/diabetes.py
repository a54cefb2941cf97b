"""Three invented persons who live with diabetes type 2."""

from __future__ import annotations

from typing import Final

from app.cli.demo.persona import (
    Agreement,
    Chore,
    Contact,
    Decision,
    GoalWords,
    Home,
    HowOften,
    Medicine,
    Name,
    Persona,
    Portrait,
    Problem,
    Series,
    Target,
    Trend,
)

ANNA: Final = Persona(
    id="anna-proefstra",
    name=Name("Anna", "Proefstra"),
    gender="female",
    birth_date="1958-04-12",
    home=Home("Verzonnenlaan", "12", "0101 AA", "Modelstad"),
    team=("gp-oefenkamp", "nurse-sjabloon", "dietitian-veronderstel"),
    problems=(Problem("dm2", 9), Problem("hypertension", 12)),
    medicines=(
        Medicine("metformin", "2 keer per dag 1 tablet van 500 mg, bij het eten", 8),
        Medicine("ramipril", "1 keer per dag 1 tablet van 5 mg, in de ochtend", 6),
    ),
    portrait=Portrait(
        life="Ik ben met pensioen. Meestal gaat het goed. Na een drukke dag ben ik wel sneller moe dan vroeger.",
        matters="Mijn kleinkinderen. Ik pas elke woensdag op en dat wil ik blijven doen.",
        goes_well="Ik neem mijn medicijnen elke dag. Dat is een vaste gewoonte.",
        worries="'s Avonds op de bank pak ik vaak iets lekkers. Dan is het moeilijk om te stoppen.",
        confidence=7,
    ),
    goals=(
        GoalWords(
            "Ik wil weer een hele middag met mijn kleinkinderen naar de speeltuin kunnen.",
            "life",
            achievement="improving",
            priority="high",
            problems=(0,),
            why="Nu moet ik na een half uur al gaan zitten. Dat vind ik jammer.",
            due_days=120,
            milestones=(1, 2),
        ),
        GoalWords(
            "Ik wandel elke dag een half uur, ook als het regent.",
            "lifestyle",
            achievement="sustaining",
            problems=(0, 1),
        ),
        GoalWords(
            "Ik wil naar 84 kilo. Dan voel ik mij fitter.",
            "health",
            achievement="improving",
            problems=(0, 1),
            why="Ik doe het rustig aan. Elke maand een halve kilo minder is genoeg.",
            target=Target("weight", "84.00", 120),
        ),
        GoalWords(
            "De bovendruk van de bloeddruk thuis is gemiddeld lager dan 140.",
            "care",
            personal=False,
            priority="high",
            problems=(1,),
            target=Target("systolic", "140", 60, "<"),
        ),
    ),
    agreements=(
        Agreement("Ik wandel na het avondeten een half uur.", "patient", (0, 1), HowOften(1, 1, "d")),
        Agreement("Ik meet thuis mijn bloeddruk en schrijf het op.", "patient", (3,), HowOften(1, 1, "wk")),
        Agreement("De diëtist bekijkt samen met Anna wat zij 's avonds kan eten.", "dietitian-veronderstel", (2,)),
        Agreement(
            "De praktijkondersteuner belt om te horen hoe het gaat.", "nurse-sjabloon", (0, 2), HowOften(1, 3, "mo")
        ),
    ),
    chore=Chore("Meet een week lang 's ochtends en 's avonds uw bloeddruk.", "requested", 14),
    decision=Decision(
        choice="Wat ga ik doen aan mijn gewicht?",
        options=(
            (
                "Meedoen met een groep die samen leert anders te eten en meer te bewegen",
                "Je leert van elkaar",
                "Het is op vaste avonden",
            ),
            ("Zelf aan de slag met hulp van de diëtist", "Ik kies mijn eigen tempo", "Ik moet mijzelf op gang houden"),
            ("Nu niets veranderen", "Het kost geen moeite", "Ik blijf snel moe"),
        ),
        preference="Ik doe het liever op mijn eigen manier dan in een groep.",
        decision="Ik ga zelf aan de slag met de diëtist. Over drie maanden kijken we hoe het gaat.",
        goal=2,
    ),
    series=(
        Series(
            "blood-pressure",
            560,
            7,
            Trend(152, 137, 7),
            Trend(91, 83, 5),
            notes=("Net de trap op gelopen.", "Slecht geslapen."),
        ),
        Series("weight", 540, 14, Trend(9120, 8650, 45), hour=7),
        Series("glucose", 180, 6, Trend(84, 71, 8), hour=7),
    ),
    plan_days=430,
)

FARID: Final = Persona(
    id="farid-testveld",
    name=Name("Farid", "Testveld"),
    gender="male",
    birth_date="1972-01-15",
    home=Home("Maquetteplein", "3", "0202 BC", "Voorbeeldhoven"),
    team=("gp-fictiema", "nurse-maquette", "dietitian-veronderstel"),
    problems=(Problem("dm2", 2),),
    medicines=(Medicine("metformin", "1 keer per dag 1 tablet van 500 mg, bij het avondeten", 1),),
    portrait=Portrait(
        life="Ik schrok toen ik hoorde dat ik diabetes heb. Nu weet ik er meer van en ben ik rustiger.",
        matters="Mijn gezin en mijn werk in de bakkerij.",
        goes_well="Ik drink geen frisdrank meer.",
        worries="Ik werk 's nachts. Op vaste tijden eten lukt dan niet.",
        confidence=6,
    ),
    goals=(
        GoalWords(
            "Ik wil blijven werken in de bakkerij zonder dat ik steeds moe ben.",
            "life",
            priority="high",
            problems=(0,),
            milestones=(1,),
        ),
        GoalWords(
            "Ik eet ook tijdens de nachtdienst op vaste tijden.",
            "behaviour",
            achievement="no-change",
            problems=(0,),
            why="Mijn collega's eten de hele nacht door. Ik neem nu mijn eigen eten mee.",
            due_days=60,
        ),
        GoalWords(
            "Ik zet op een gewone dag 8000 stappen.",
            "lifestyle",
            achievement="improving",
            problems=(0,),
            target=Target("steps", "8000", 90, ">="),
        ),
    ),
    agreements=(
        Agreement("Ik meet mijn bloedsuiker voordat ik ga eten.", "patient", (0, 1), HowOften(2, 1, "wk")),
        Agreement("Ik ga op de fiets naar mijn werk.", "patient", (2,), HowOften(3, 1, "wk")),
        Agreement(
            "De diëtist maakt samen met Farid een eetplan voor de nacht.",
            "dietitian-veronderstel",
            (1,),
            status="completed",
        ),
    ),
    chore=Chore("Vul de lijst 'Wie ben ik' opnieuw in.", "accepted", 21),
    series=(
        Series("glucose", 420, 4, Trend(92, 74, 11), hour=16, notes=("Na een nachtdienst.",)),
        Series("steps", 70, 1, Trend(5600, 7600, 1900), hour=22),
        Series("weight", 420, 14, Trend(9835, 9470, 60), hour=16),
    ),
    plan_days=390,
)

IBRAHIM: Final = Persona(
    id="ibrahim-modelhof",
    name=Name("Ibrahim", "Modelhof"),
    gender="male",
    birth_date="1955-05-05",
    home=Home("Schetsstraat", "88", "0101 CD", "Modelstad"),
    team=("gp-oefenkamp", "nurse-sjabloon", "physio-denkbeeld"),
    problems=(Problem("dm2", 14), Problem("knee", 4)),
    medicines=(
        Medicine("metformin", "2 keer per dag 1 tablet van 850 mg, bij het eten", 12),
        Medicine("paracetamol", "Als het nodig is 1 of 2 tabletten van 500 mg, niet meer dan 6 op een dag", 3),
    ),
    contact=Contact(Name("Samira", "Modelhof"), "dochter"),
    portrait=Portrait(
        life="Ik ben veel in de tuin. Mijn knie doet pijn als ik lang sta. Verder gaat het goed met mij.",
        matters="Mijn moestuin. Daar ben ik het liefst, met mijn vrienden.",
        goes_well="Mijn bloedsuiker is al lang rustig.",
        worries="Hurken en tillen gaat bijna niet meer.",
        confidence=8,
    ),
    goals=(
        GoalWords(
            "Ik wil zelf in mijn moestuin blijven werken.",
            "life",
            achievement="sustaining",
            priority="high",
            problems=(1,),
            milestones=(1,),
        ),
        GoalWords(
            "Ik doe drie keer per week mijn oefeningen voor de knie.",
            "behaviour",
            achievement="improving",
            problems=(1,),
            why="De fysiotherapeut heeft ze voorgedaan. Mijn dochter telt mee.",
        ),
        GoalWords(
            "De bloedsuiker voor het ontbijt blijft meestal onder de 8.",
            "care",
            personal=False,
            problems=(0,),
            target=Target("glucose", "8.0", 180, "<"),
        ),
    ),
    agreements=(
        Agreement("Ik doe mijn oefeningen voor de knie.", "patient", (1,), HowOften(3, 1, "wk")),
        Agreement("Samira helpt met zwaar werk in de tuin.", "contact", (0,), HowOften(1, 1, "wk")),
        Agreement(
            "De fysiotherapeut kijkt of de oefeningen goed gaan.", "physio-denkbeeld", (1,), HowOften(1, 6, "wk")
        ),
        Agreement("Ik meet mijn bloedsuiker voor het ontbijt.", "patient", (2,), HowOften(1, 1, "wk")),
    ),
    chore=Chore("Schrijf een week lang op wanneer de knie pijn doet.", "in-progress", 7),
    series=(
        Series("glucose", 500, 7, Trend(78, 73, 9), hour=7),
        Series("blood-pressure", 360, 14, Trend(138, 134, 8), Trend(82, 79, 5), hour=9),
        Series("weight", 500, 21, Trend(8215, 8160, 50), hour=7),
    ),
    plan_days=480,
)
