"""Three invented persons who live with COPD or asthma."""

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

BRAM: Final = Persona(
    id="bram-van-testen",
    name=Name("Bram", "Testen", own_prefix="van"),
    gender="male",
    birth_date="1949-11-03",
    home=Home("Fantasiekade", "27", "0101 IJ", "Modelstad"),
    team=("gp-oefenkamp", "nurse-sjabloon", "lung-nurse-verzinsel", "physio-denkbeeld"),
    problems=(Problem("copd", 11),),
    medicines=(
        Medicine("tiotropium", "1 keer per dag inademen, in de ochtend", 7),
        Medicine("salbutamol", "Als het nodig is 1 of 2 keer inademen", 11),
    ),
    contact=Contact(Name("Truus", "Testen", own_prefix="van"), "vrouw"),
    portrait=Portrait(
        life="Ik ben met pensioen. In de winter heb ik het zwaar. In de zomer kan ik meer.",
        matters="Varen met mijn bootje. En kaarten met mijn buurman.",
        goes_well="Ik rook niet meer sinds mijn pensioen.",
        worries="Als ik benauwd word, schrik ik. Dan wordt het alleen maar erger.",
        confidence=5,
    ),
    goals=(
        GoalWords(
            "Ik wil deze zomer weer zelf met mijn bootje het water op.",
            "life",
            priority="high",
            problems=(0,),
            due_days=150,
            milestones=(1, 2),
        ),
        GoalWords(
            "Ik loop zonder stoppen naar de haven.",
            "lifestyle",
            achievement="improving",
            problems=(0,),
            why="Nu sta ik onderweg twee keer stil.",
            due_days=90,
        ),
        GoalWords(
            "Ik weet wat ik moet doen als ik benauwd word en ik blijf rustig.",
            "behaviour",
            achievement="improving",
            priority="high",
            problems=(0,),
        ),
    ),
    agreements=(
        Agreement("Ik oefen mijn ademhaling.", "patient", (2,), HowOften(2, 1, "d")),
        Agreement("Ik train bij de fysiotherapeut.", "patient", (1,), HowOften(2, 1, "wk")),
        Agreement("Truus kent het plan voor als Bram benauwd wordt.", "contact", (2,), status="completed"),
        Agreement(
            "De longverpleegkundige bespreekt hoe het inademen van de medicijnen gaat.",
            "lung-nurse-verzinsel",
            (2,),
            HowOften(1, 6, "mo"),
        ),
    ),
    chore=Chore("Schrijf op wat u merkt voordat u benauwd wordt.", "requested", 30),
    decision=Decision(
        choice="Ga ik trainen met een groep?",
        options=(
            ("Trainen met een groep bij de fysiotherapeut", "Samen is het leuker", "Het is twee keer per week"),
            ("Thuis oefenen", "Ik kan het doen wanneer ik wil", "Ik stop sneller"),
            ("Niet trainen", "Het kost geen tijd", "Mijn conditie gaat verder achteruit"),
        ),
        preference="Met anderen houd ik het beter vol.",
        decision="Ik ga twee keer per week naar de groep.",
        goal=1,
    ),
    series=(
        Series("oxygen", 540, 7, Trend(93, 94, 2), hour=10, notes=("Verkouden.", "Na het lopen naar de haven.")),
        Series("steps", 60, 1, Trend(2600, 3500, 900), hour=21),
        Series("weight", 540, 28, Trend(7105, 7240, 45), hour=8),
    ),
    plan_days=500,
)

DAAN: Final = Persona(
    id="daan-modelaar",
    name=Name("Daan", "Modelaar"),
    gender="male",
    birth_date="1996-08-19",
    home=Home("Denkbeeldlaan", "190", "0202 KL", "Voorbeeldhoven"),
    team=("gp-fictiema", "nurse-maquette"),
    problems=(Problem("asthma", 17),),
    medicines=(
        Medicine("budesonide", "2 keer per dag 1 keer inademen, daarna de mond spoelen", 9),
        Medicine("salbutamol", "Als het nodig is 1 of 2 keer inademen", 15),
    ),
    portrait=Portrait(
        life="Ik werk en ik sport. Het gaat prima, behalve in het voorjaar.",
        matters="Voetballen met mijn team en uitgaan met vrienden.",
        goes_well="Ik heb mijn inhalator altijd bij mij.",
        worries="Als ik geen klachten heb, vergeet ik mijn medicijn.",
        confidence=7,
    ),
    goals=(
        GoalWords(
            "Ik wil een hele wedstrijd kunnen voetballen.",
            "life",
            achievement="improving",
            priority="high",
            problems=(0,),
            due_days=100,
            milestones=(1,),
        ),
        GoalWords(
            "Ik gebruik mijn medicijn elke dag, ook als ik nergens last van heb.",
            "behaviour",
            achievement="no-change",
            problems=(0,),
            why="Ik leg het naast mijn tandenborstel.",
        ),
    ),
    agreements=(
        Agreement("Ik gebruik mijn medicijn bij het tandenpoetsen.", "patient", (1,), HowOften(2, 1, "d")),
        Agreement("Ik blaas om de paar dagen op mijn piekstroommeter.", "patient", (0,), HowOften(2, 1, "wk")),
        Agreement(
            "De praktijkondersteuner kijkt na het voorjaar hoe het gaat.",
            "nurse-maquette",
            (0, 1),
            HowOften(1, 12, "mo"),
        ),
    ),
    chore=Chore("Blaas twee weken lang elke ochtend op uw piekstroommeter.", "accepted", 14),
    series=(
        Series("peak-flow", 400, 4, Trend(470, 520, 50), hour=7, notes=("Veel pollen.", "Medicijn vergeten.")),
        Series("steps", 45, 1, Trend(8900, 9800, 2600), hour=23),
    ),
    plan_days=380,
)

GERDA: Final = Persona(
    id="gerda-demoveld",
    name=Name("Gerda", "Demoveld"),
    gender="female",
    birth_date="1951-09-08",
    home=Home("Bouwtekening", "8", "0101 MN", "Modelstad"),
    team=("gp-oefenkamp", "nurse-sjabloon", "lung-nurse-verzinsel", "heart-nurse-bedacht"),
    problems=(Problem("copd", 8), Problem("dm2", 15), Problem("heart-failure", 2)),
    medicines=(
        Medicine("tiotropium", "1 keer per dag inademen, in de ochtend", 6),
        Medicine("metformin", "2 keer per dag 1 tablet van 500 mg, bij het eten", 13),
        Medicine("furosemide", "1 keer per dag 1 tablet van 20 mg, in de ochtend", 2),
    ),
    contact=Contact(Name("Kees", "Demoveld"), "broer"),
    portrait=Portrait(
        life="Ik woon met mijn kat. Ik heb drie ziekten en veel afspraken. Soms weet ik niet meer wie wat doet.",
        matters="Rust in huis, mijn kat en elke week mijn breiclub.",
        goes_well="Ik houd mijn metingen goed bij.",
        worries="Al die afspraken op verschillende dagen.",
        confidence=4,
    ),
    goals=(
        GoalWords(
            "Ik wil elke week naar de breiclub kunnen.",
            "life",
            achievement="no-change",
            priority="high",
            problems=(0, 2),
            due_days=60,
        ),
        GoalWords(
            "Ik wil minder afspraken, en op één dag.",
            "care",
            priority="high",
            problems=(0, 1, 2),
            why="Van elke reis moet ik een dag bijkomen.",
            due_days=90,
        ),
        GoalWords(
            "Ik weet van elke ziekte wie ik kan bellen.",
            "care",
            achievement="achieved",
            problems=(0, 1, 2),
        ),
        GoalWords(
            "Het gewicht blijft rond 79 kilo, zonder grote sprongen.",
            "health",
            personal=False,
            problems=(2,),
            target=Target("weight", "79.00", 180),
        ),
    ),
    agreements=(
        Agreement("Ik meet na het opstaan mijn gewicht en mijn bloedsuiker.", "patient", (3,), HowOften(2, 1, "wk")),
        Agreement("De praktijkondersteuner zet de controles zoveel mogelijk op één dag.", "nurse-sjabloon", (1,)),
        Agreement("Kees rijdt mee naar het ziekenhuis.", "contact", (1,), HowOften(1, 3, "mo")),
        Agreement("Er hangt een lijst met telefoonnummers in de keuken.", "patient", (2,), status="completed"),
    ),
    chore=Chore("Kies samen met de praktijkondersteuner een vaste dag voor uw controles.", "in-progress", 20),
    series=(
        Series("weight", 420, 6, Trend(8060, 7920, 70), hour=7, notes=("Benauwd vannacht.",)),
        Series("glucose", 420, 12, Trend(81, 76, 12), hour=7),
        Series("oxygen", 420, 10, Trend(92, 93, 2), hour=7),
        Series("blood-pressure", 420, 28, Trend(134, 130, 8), Trend(78, 75, 5), hour=8),
    ),
    plan_days=410,
)
