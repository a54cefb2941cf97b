"""Two invented persons who live with heart failure or high blood pressure."""

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
    Trend,
)

CORRIE: Final = Persona(
    id="corrie-demosma",
    name=Name("Corrie", "Demosma", partner_name="Schets", partner_prefix="van der"),
    gender="female",
    birth_date="1943-02-27",
    home=Home("Doorzichtweg", "5", "0101 EF", "Modelstad"),
    team=("gp-oefenkamp", "nurse-sjabloon", "heart-nurse-bedacht"),
    problems=(Problem("heart-failure", 4), Problem("knee", 10)),
    medicines=(
        Medicine("furosemide", "1 keer per dag 1 tablet van 40 mg, in de ochtend", 4),
        Medicine("metoprolol", "1 keer per dag 1 tablet van 50 mg, in de ochtend", 4),
        Medicine("paracetamol", "Als het nodig is 1 of 2 tabletten van 500 mg, niet meer dan 6 op een dag", 8),
    ),
    contact=Contact(Name("Wilma", "Schets", own_prefix="van der"), "dochter"),
    portrait=Portrait(
        life="Ik woon in mijn eigen huis. Ik moet het rustig aan doen. Als ik mijn dag goed verdeel, kan ik nog veel.",
        matters="Zelf in mijn eigen huis blijven wonen. En op zondag naar de kerk.",
        goes_well="Ik weeg mij vaak en bel op tijd als er iets verandert.",
        worries="Ik vraag niet graag om hulp.",
        confidence=6,
    ),
    goals=(
        GoalWords(
            "Ik wil in mijn eigen huis blijven wonen.",
            "life",
            achievement="sustaining",
            priority="high",
            problems=(0, 1),
            milestones=(1, 3),
        ),
        GoalWords(
            "Ik wil op zondag zelf naar de kerk kunnen lopen.",
            "life",
            achievement="no-change",
            problems=(0, 1),
            why="Het is tien minuten lopen. Halverwege staat een bankje om even te zitten.",
            due_days=90,
        ),
        GoalWords(
            "Ik weeg mij elke paar dagen en bel als ik opeens zwaarder word.",
            "behaviour",
            achievement="sustaining",
            priority="high",
            problems=(0,),
        ),
        GoalWords(
            "Ik durf hulp te vragen aan mijn dochter en de buren.",
            "behaviour",
            achievement="improving",
            problems=(0,),
        ),
    ),
    agreements=(
        Agreement("Ik weeg mij na het opstaan, voor het ontbijt.", "patient", (2,), HowOften(2, 1, "wk")),
        Agreement("Wilma doet de zware boodschappen.", "contact", (0, 3), HowOften(1, 1, "wk")),
        Agreement(
            "De hartfalenverpleegkundige bespreekt de metingen met Corrie.",
            "heart-nurse-bedacht",
            (2,),
            HowOften(1, 6, "wk"),
        ),
        Agreement("Ik loop elke dag een stukje verder, met rust ertussen.", "patient", (1,), HowOften(1, 1, "d")),
    ),
    chore=Chore("Bespreek met uw dochter wie u kunt bellen als het 's nachts niet goed gaat.", "requested", 10),
    decision=Decision(
        choice="Hoe wil ik dat mijn hart in de gaten wordt gehouden?",
        options=(
            (
                "Thuis zelf meten en elke zes weken samen bekijken",
                "Ik hoef minder vaak naar het ziekenhuis",
                "Ik moet er zelf aan denken",
            ),
            ("Elke vier weken naar het ziekenhuis", "Iemand anders let op", "De reis kost mij veel kracht"),
            ("Alleen bellen als er iets is", "Het geeft rust", "Een verandering kan mij ontgaan"),
        ),
        preference="Ik blijf het liefst zoveel mogelijk thuis.",
        decision="Ik meet thuis. Elke zes weken bekijken we samen de metingen.",
        goal=2,
    ),
    series=(
        Series("weight", 480, 5, Trend(6840, 6795, 60), hour=7, notes=("Enkels wat dikker.", "Gisteren zout gegeten.")),
        Series("blood-pressure", 480, 14, Trend(128, 124, 8), Trend(74, 72, 5), hour=8),
        Series("heart-rate", 300, 10, Trend(74, 70, 6), hour=8),
    ),
    plan_days=470,
)

HILDE: Final = Persona(
    id="hilde-van-der-proef",
    name=Name("Hilde", "Proef", own_prefix="van der"),
    gender="female",
    birth_date="1967-12-21",
    home=Home("Bedachtehof", "41", "0202 GH", "Voorbeeldhoven"),
    team=("gp-fictiema", "nurse-maquette"),
    problems=(Problem("hypertension", 5),),
    medicines=(Medicine("amlodipine", "1 keer per dag 1 tablet van 5 mg", 4),),
    portrait=Portrait(
        life="Ik werk nog. Ik voel mij gezond. Juist daarom vergeet ik soms dat ik een hoge bloeddruk heb.",
        matters="Ik zing in een koor en ik reis graag.",
        goes_well="Ik ben gestopt met roken. Dat is nu al drie jaar zo.",
        worries="Op mijn werk is het vaak te druk om pauze te nemen.",
        confidence=8,
    ),
    goals=(
        GoalWords(
            "Ik wil over twee jaar met mijn zus een verre reis maken.",
            "life",
            problems=(0,),
            due_days=600,
            milestones=(1,),
        ),
        GoalWords(
            "Ik neem elke werkdag een echte pauze, zonder telefoon.",
            "behaviour",
            achievement="worsening",
            priority="high",
            problems=(0,),
            why="De laatste weken lukte het niet. Ik ga het in mijn agenda zetten.",
            due_days=45,
        ),
        GoalWords(
            "Ik eet minder zout.",
            "lifestyle",
            achievement="achieved",
            problems=(0,),
            why="Ik kook nu met kruiden. Het smaakt mij goed.",
        ),
    ),
    agreements=(
        Agreement("Ik meet mijn bloeddruk twee keer per week op dezelfde tijd.", "patient", (0,), HowOften(2, 1, "wk")),
        Agreement("Ik plan mijn pauze in mijn agenda.", "patient", (1,), HowOften(5, 1, "wk"), status="not-started"),
        Agreement(
            "De praktijkondersteuner bespreekt elk half jaar de metingen met Hilde.",
            "nurse-maquette",
            (0,),
            HowOften(1, 6, "mo"),
        ),
    ),
    chore=Chore("Meet vijf dagen lang 's ochtends en 's avonds uw bloeddruk.", "in-progress", 5),
    series=(
        Series(
            "blood-pressure",
            640,
            6,
            Trend(149, 136, 7),
            Trend(92, 84, 5),
            hour=19,
            notes=("Drukke dag gehad.", "Na de koorrepetitie."),
        ),
        Series("heart-rate", 200, 7, Trend(76, 72, 6), hour=19),
    ),
    plan_days=600,
)
