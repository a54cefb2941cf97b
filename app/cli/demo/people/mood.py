"""Two invented persons with low spirits beside another condition; one has only just begun with a plan."""

from __future__ import annotations

from typing import Final

from app.cli.demo.persona import (
    Agreement,
    Chore,
    Contact,
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

ELS: Final = Persona(
    id="els-proefkamp",
    name=Name("Els", "Proefkamp"),
    gender="female",
    birth_date="1961-06-30",
    home=Home("Ideeënpad", "14", "0101 OP", "Modelstad"),
    team=("gp-oefenkamp", "nurse-sjabloon", "physio-denkbeeld"),
    problems=(Problem("knee", 6), Problem("depression", 1)),
    medicines=(
        Medicine("paracetamol", "Als het nodig is 1 of 2 tabletten van 500 mg, niet meer dan 6 op een dag", 5),
        Medicine("citalopram", "1 keer per dag 1 tablet van 20 mg", 1),
    ),
    contact=Contact(Name("Marijke", "Proefkamp"), "zus"),
    portrait=Portrait(
        life="Ik woon met mijn hond. Sommige dagen kom ik moeilijk op gang. Buiten zijn helpt.",
        matters="De hond, muziek en mijn zus.",
        goes_well="Ik ga elke dag naar buiten, al is het kort.",
        worries="Ik zeg vaak afspraken af.",
        confidence=5,
    ),
    goals=(
        GoalWords(
            "Ik wil weer plezier hebben in gewone dingen.",
            "life",
            achievement="improving",
            priority="high",
            problems=(1,),
            milestones=(1, 2),
        ),
        GoalWords(
            "Ik ga elke week een keer met mijn zus op stap.",
            "behaviour",
            achievement="sustaining",
            problems=(1,),
            why="Als het is afgesproken, ga ik ook echt.",
        ),
        GoalWords(
            "Ik loop elke dag met de hond, tot 6000 stappen.",
            "lifestyle",
            achievement="improving",
            problems=(0, 1),
            target=Target("steps", "6000", 75, ">="),
        ),
    ),
    agreements=(
        Agreement("Ik loop elke ochtend met de hond voordat ik ontbijt.", "patient", (2,), HowOften(1, 1, "d")),
        Agreement("Marijke belt op vrijdag om iets af te spreken.", "contact", (1,), HowOften(1, 1, "wk")),
        Agreement(
            "De praktijkondersteuner praat met Els over hoe het gaat.", "nurse-sjabloon", (0,), HowOften(1, 4, "wk")
        ),
        Agreement("De fysiotherapeut geeft oefeningen voor de knie.", "physio-denkbeeld", (2,), status="not-started"),
    ),
    chore=Chore("Schrijf elke avond één ding op dat goed ging.", "in-progress", 28),
    series=(
        Series("steps", 365, 4, Trend(2900, 5400, 1100), hour=21, notes=("Niet gelopen vandaag, regen.",)),
        Series("weight", 365, 28, Trend(7790, 7655, 50), hour=9),
    ),
    plan_days=330,
)

JOKE: Final = Persona(
    id="joke-testerink",
    name=Name("Joke", "Testerink"),
    gender="female",
    birth_date="1979-03-14",
    home=Home("Conceptdreef", "66", "0202 QR", "Voorbeeldhoven"),
    team=("gp-fictiema", "nurse-maquette"),
    problems=(Problem("asthma", 20), Problem("depression", 1)),
    medicines=(Medicine("budesonide", "2 keer per dag 1 keer inademen, daarna de mond spoelen", 12),),
    portrait=Portrait(
        life="Ik zorg voor mijn kinderen. Ik ben vaak moe en ik maak mij snel zorgen.",
        matters="Mijn kinderen en een rustig huis.",
        goes_well="Ik heb hulp gevraagd. Dat was een grote stap.",
        worries="Tijd maken voor mijzelf.",
        confidence=4,
    ),
    goals=(
        GoalWords(
            "Ik wil elke avond een half uur voor mijzelf.",
            "life",
            priority="high",
            problems=(1,),
        ),
        GoalWords(
            "Ik wil beter slapen.",
            "health",
            problems=(0, 1),
            why="Ik word 's nachts wakker en ga dan piekeren.",
        ),
    ),
    agreements=(
        Agreement(
            "Ik leg mijn telefoon een uur voor het slapen weg.",
            "patient",
            (0, 1),
            HowOften(1, 1, "d"),
            status="not-started",
        ),
        Agreement(
            "De praktijkondersteuner en Joke maken samen het plan af.", "nurse-maquette", (0,), status="not-started"
        ),
    ),
    chore=Chore("Lees uw plan rustig door en schrijf op wat u wilt veranderen.", "requested", 7),
    series=(
        Series("heart-rate", 380, 7, Trend(78, 76, 7), hour=20),
        Series("steps", 30, 1, Trend(4200, 4900, 1400), hour=22),
    ),
    plan_status="draft",
    plan_days=12,
)
