"""A small valid study as files, and one change at a time."""

STUDY = """
key = "bakers"
title = {nl = "Bakkers", en = "Bakers"}
population = {nl = "Bakkers in Nederland", en = "Bakers in the Netherlands"}
languages = ["nl", "en"]
time_zone = "Europe/Amsterdam"
currency = "EUR"
is_probability_sample = true
baseline = 1
horizon_years = 2

[[wave]]
number = 1
key = "2025"
fieldwork = {start = 2025-10-01, end = 2025-11-30}
reference = {start = 2024-01-01, end = 2024-12-31}
instrument = "1"

[[wave]]
number = 2
key = "2026"
fieldwork = {start = 2026-10-01, end = 2026-11-30}
reference = {start = 2025-01-01, end = 2025-12-31}
instrument = "1"

[layout]
outcome = "outcome"
outcomes = {done = "complete", no = "refused"}
missing = {X = "refused"}
wave_codes = {one = 1, two = 2}

[[layout.given_weight]]
waves = [1, 2]
column = "w12"

[[domain]]
key = "class"
label = {nl = "Soort", en = "Class"}
variable = "job"
group = [
    {key = "own", label = {nl = "Zelfstandig", en = "Self-employed"}, codes = [1]},
    {key = "staff", label = {nl = "In dienst", en = "Employee"}, codes = [2]},
]

[[indicator]]
key = "income_mean"
label = {nl = "Gemiddeld inkomen", en = "Mean income"}
variable = "income_eur"
statistic = "mean"
in_real_terms = true

[[indicator]]
key = "self_employed"
label = {nl = "Zelfstandig", en = "Self-employed"}
variable = "job"
statistic = "share"
codes = [1]
domain = "class"
groups = ["own", "staff"]
published = {value = 0.4, wave = 1, source = "a report"}

[[transition]]
variable = "job"
domain = "class"
"""

INSTRUMENT = """
version = "1"

[scales.change]
values = [
    {code = 1, nl = "Minder", en = "Less"},
    {code = 2, nl = "Meer", en = "More"},
    {code = 9, nl = "Weet nog niet", en = "Too early to say"},
]
off_scale = [9]
groups = {down = [1], up = [2]}

[[section]]
key = "A"
label = {nl = "Werk", en = "Work"}

[[question]]
key = "job"
section = "A"
text = {nl = "Hoe werkt u?", en = "How do you work?"}
kind = "single"
values = [
    {code = 1, nl = "Zelfstandig", en = "Self-employed"},
    {code = 2, nl = "In dienst", en = "Employee"},
]
required = true

[[question]]
key = "income_eur"
section = "A"
text = {nl = "Wat verdiende u?", en = "What did you earn?"}
kind = "money"
unit = "EUR"
minimum = -100
maximum = 1000
route = "job in (1, 2)"
check = "income_eur > -50"

[[question]]
key = "band"
section = "A"
text = {nl = "Ongeveer?", en = "Roughly?"}
kind = "single"
scale = "change"
route = "reason(income_eur) in ('refused', 'dont_know')"

[[question]]
key = "bread_share"
section = "A"
text = {nl = "Brood", en = "Bread"}
kind = "share"

[[question]]
key = "cake_share"
section = "A"
text = {nl = "Taart", en = "Cake"}
kind = "share"

[[question]]
key = "outlook"
section = "A"
text = {nl = "Wat verwacht u?", en = "What do you expect?"}
kind = "single"
scale = "change"
predicts = {variable = "income_eur", kind = "direction", horizon = "target", terms = "real", \
    directions = {fall = [1], rise = [2], unclear = [9]}}

[[question]]
key = "chance"
section = "A"
text = {nl = "Hoe groot is de kans?", en = "How likely?"}
kind = "probability"
predicts = {variable = "job", kind = "probability", horizon = 1, event = "then == 2"}

[[sum_group]]
key = "products"
members = ["bread_share", "cake_share"]

[[derived]]
name = "age_years"
label = {nl = "Jaren", en = "Years"}
kind = "whole"
expression = "wave_year - 2000"

[[derived]]
name = "sweet_share"
label = {nl = "Zoet", en = "Sweet"}
kind = "share"
expression = "cake_share / (bread_share + cake_share) * 100 if age_years > 1 else null"
"""

BENCHMARKS = """
frame = "the bakers' register"
version = "2024"

[[margin]]
domain = "class"
source = "register"
shares = {own = 0.3, staff = 0.7}
"""

PRICES = """
source = "the office"
base_year = 2025

[[year]]
year = 2024
index = 97.1

[[year]]
year = 2025
index = 100
is_provisional = true
"""

FILES = {
    "study.toml": STUDY,
    "instrument-1.toml": INSTRUMENT,
    "benchmarks.toml": BENCHMARKS,
    "price-index.toml": PRICES,
}
S, Q, B, P = FILES  # study, questions, benchmarks, prices


def changed(file, old, new):
    """Return the files with one text of one of them replaced, which must be there."""
    assert old in FILES[file], old
    return FILES | {file: FILES[file].replace(old, new, 1)}
