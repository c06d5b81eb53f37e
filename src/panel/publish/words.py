"""The fixed words of the page of a release, Dutch and English, and numbers as readers of either expect them."""

from __future__ import annotations

import math

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "lang_name": "English", "other": "Nederlands", "other_lang": "nl", "other_page": "index.nl.html",
        "skip": "Skip to the figures", "wave": "Wave", "release": "Release", "population": "Population",
        "headline": "The baseline in a few figures",
        "headline_how": "Each figure is an estimate for the whole population, made from the answers of the members in "
        "the baseline wave. The range beneath it says how far chance may have moved it: in 19 of 20 studies like this "
        "one the true figure lies inside such a range.",
        "opt_in": "Members took part of their own accord; nobody was drawn by chance. The ranges reckon as if chance "
        "had chosen them, once the answers are weighted (they are model-assisted). They say nothing about people who "
        "would never take part: a figure may be off by more than its range.",
        "ours": "This panel", "published": "Published", "source": "Source", "range": "range", "figure": "Figure",
        "trends": "How it went, wave by wave",
        "trends_how": "A line follows one figure through the waves. A band or a whisker is the range that "
        "chance allows; "
        "where two ranges overlap widely, the difference may be nothing but chance. A hollow marker is provisional and "
        "may still move.",
        "by": "by", "everybody": "everybody", "data": "The figures of this chart",
        "changes": "Change, for every pair of waves",
        "changes_how": "Change is measured within the same people: only members who answered in both waves count, "
        "weighted to stand for those who left. A change whose range includes nought may be nothing but chance.",
        "from": "From", "to": "to", "between": "Between", "points": "points",
        "transitions": "Who moved where",
        "transitions_how": "Read a row from left to right: of the people in that row at the first wave, so many per "
        "cent were in each column at the later one. Darker is more.", "first_wave": "at", "later": "then, at",
        "predictions": "What members predicted, and what happened",
        "predictions_how": "What members predicted for themselves at an earlier wave stands beside what became of the "
        "same people so far. The horizon has not passed for every prediction, so the second may still move.",
        "predicted": "Predicted", "realised": "Realised so far", "question": "Prediction", "outcome": "Outcome",
        "measure": "Measure", "group": "Group",
        "checks": "What the checks held back",
        "checks_how": "Every answer passes checks before it counts. A cell that fails is held: it stays on file, and "
        "takes no part in any figure until somebody decides. Counts only; no answer is shown here.",
        "check": "Check", "state": "Outcome", "failing": "Failing rows", "checked": "Checked", "variable": "Variable",
        "held": "Held", "few_held": "too few to tell", "with_them": "with them", "held_out": "Held out",
        "why": "Why it matters", "override": "Let pass", "whole_rows": "whole rows", "by_who": "by",
        "all_passed": "Every check passed.", "nothing_held": "Nothing was held back.", "passed": "passed",
        "failed": "failed", "broken": "could not run", "verdicts": "checks in all, of which passed:",
        "intake": "Rows delivered, and what became of them", "rows": "Delivered", "accepted": "Accepted",
        "ignored": "Nothing new",
        "attrition": "Who stayed",
        "attrition_how": "Of the members who entered in a wave, the share that answered in each later wave. "
        "Members who "
        "miss a wave may come back.", "cohort": "Entered in", "members": "Members", "interviewed": "Answered",
        "cite": "How to cite", "cite_how": "The digits identify the content: whoever has the same digits has the same "
        "figures.", "files": "What is in this folder",
        "files_how": "Estimates, predictions, codebook and checks are in the files beside this page. The rows about "
        "single members are for researchers under an agreement, and do not belong on a web site.",
        "hidden": "not shown: too few members", "hidden_short": "not shown", "until": "to",
        "hidden_how": "What is not shown rests on fewer than {n} members, on the answers of one or two, or would "
        "give away such a figure.",
        "provisional": "provisional",
        "final": "final", "none": "No figures yet.", "interval": "95 % range", "status": "Status", "n": "Members",
        "synthetic": "SYNTHETIC DATA – simulated respondents, not findings about people.", "codebook": "Codebook",
        "share": "per cent", "change": "change", "relative_change": "relative change", "contents": "On this page",
        "of": "of", "unprotected": "withheld for protection", "made": "Made by", "terms_real": "in real terms",
        "terms_nominal": "nominal", "no_change": "No pair of waves yet.", "predicted_share": "Share that predicted it",
        "realised_share": "Share to which it happened", "brier": "Brier score (0 is perfect)",
        "chart_alt": "Line chart. The table beneath it holds the same figures.",
    },
    "nl": {
        "lang_name": "Nederlands", "other": "English", "other_lang": "en", "other_page": "index.html",
        "skip": "Naar de cijfers", "wave": "Golf", "release": "Uitgave", "population": "Populatie",
        "headline": "De nulmeting in enkele cijfers",
        "headline_how": "Elk cijfer is een schatting voor de hele populatie, gemaakt uit de antwoorden van de leden in "
        "de nulmeting. De marge eronder zegt hoe ver toeval het cijfer kan hebben verschoven: in 19 van de 20 "
        "van zulke "
        "onderzoeken ligt het ware cijfer binnen zo'n marge.",
        "opt_in": "Leden hebben zichzelf aangemeld; niemand is door loting gekozen. De marges doen alsof dat na weging "
        "wel zo was (ze steunen op een model). Over mensen die nooit zouden meedoen zeggen ze niets: een cijfer kan er "
        "verder naast zitten dan zijn marge.",
        "ours": "Dit panel", "published": "Gepubliceerd", "source": "Bron", "range": "marge", "figure": "Cijfer",
        "trends": "Het verloop, golf voor golf",
        "trends_how": "Een lijn volgt één cijfer door de golven. Een band of een streepje is de marge die toeval "
        "toelaat; waar twee marges ver overlappen, kan het verschil louter toeval zijn. Een open punt is voorlopig en "
        "kan nog veranderen.",
        "by": "naar", "everybody": "iedereen", "data": "De cijfers van deze grafiek",
        "changes": "Verandering, voor elk paar golven",
        "changes_how": "Verandering is gemeten bij dezelfde mensen: alleen leden die in beide golven "
        "antwoordden tellen "
        "mee, gewogen zodat zij ook staan voor wie vertrok. Een verandering met nul binnen de marge kan louter toeval "
        "zijn.",
        "from": "Van", "to": "naar", "between": "Tussen", "points": "punten",
        "transitions": "Wie ging waarheen",
        "transitions_how": "Lees een rij van links naar rechts: van de mensen die in de eerste golf in die rij "
        "stonden, "
        "stond zoveel procent later in elke kolom. Donkerder is meer.", "first_wave": "in", "later": "daarna, in",
        "predictions": "Wat leden voorspelden, en wat er gebeurde",
        "predictions_how": "Wat leden in een eerdere golf voor zichzelf voorspelden staat naast wat er tot nu toe van "
        "dezelfde mensen geworden is. Nog niet elke termijn is verstreken; het tweede kan dus nog veranderen.",
        "predicted": "Voorspeld", "realised": "Uitgekomen tot nu toe", "question": "Voorspelling",
        "outcome": "Uitkomst", "measure": "Maat", "group": "Groep",
        "checks": "Wat de controles tegenhielden",
        "checks_how": "Elk antwoord gaat langs controles voordat het meetelt. Een cel die niet klopt wordt "
        "vastgehouden:"
        " zij blijft bewaard en telt in geen cijfer mee totdat iemand beslist. Alleen aantallen; hier staat geen enkel "
        "antwoord.",
        "check": "Controle", "state": "Uitslag", "failing": "Afgekeurde rijen", "checked": "Gecontroleerd",
        "variable": "Variabele", "held": "Vastgehouden", "few_held": "te weinig om te noemen", "with_them": "met hen",
        "held_out": "Buiten gehouden", "why": "Waarom het telt", "override": "Doorgelaten",
        "whole_rows": "hele rijen", "by_who": "door", "all_passed": "Alle controles zijn geslaagd.",
        "nothing_held": "Er is niets vastgehouden.", "passed": "geslaagd", "failed": "niet geslaagd",
        "broken": "kon niet draaien", "verdicts": "controles in totaal, waarvan geslaagd:",
        "intake": "Aangeleverde rijen, en wat ervan werd", "rows": "Aangeleverd", "accepted": "Aangenomen",
        "ignored": "Niets nieuws",
        "attrition": "Wie bleef",
        "attrition_how": "Van de leden die in een golf instroomden, het aandeel dat in elke latere golf antwoordde. "
        "Leden die een golf missen kunnen terugkomen.", "cohort": "Ingestroomd in", "members": "Leden",
        "interviewed": "Antwoordden",
        "cite": "Zo citeert u", "cite_how": "De tekens duiden de inhoud aan: wie dezelfde tekens heeft, heeft dezelfde "
        "cijfers.", "files": "Wat er in deze map staat",
        "files_how": "Schattingen, voorspellingen, codeboek en controles staan in de bestanden naast deze pagina. De "
        "rijen over afzonderlijke leden zijn voor onderzoekers met een overeenkomst en horen niet op een website.",
        "hidden": "niet getoond: te weinig leden", "hidden_short": "niet getoond", "until": "tot",
        "hidden_how": "Wat niet getoond is, berust op minder dan {n} leden, op de antwoorden van een of twee, "
        "of zou zo'n cijfer verraden.",
        "provisional": "voorlopig",
        "final": "definitief", "none": "Nog geen cijfers.", "interval": "95%-marge", "status": "Status", "n": "Leden",
        "synthetic": "SYNTHETISCHE DATA (SYNTHETIC) – gesimuleerde respondenten, geen bevindingen over mensen.",
        "codebook": "Codeboek", "share": "procent", "change": "verandering",
        "relative_change": "relatieve verandering", "contents": "Op deze pagina", "of": "van",
        "unprotected": "ter bescherming niet getoond", "made": "Gemaakt met", "terms_real": "reëel",
        "terms_nominal": "nominaal", "no_change": "Nog geen paar golven.",
        "predicted_share": "Aandeel dat dit voorspelde", "realised_share": "Aandeel dat dit overkwam",
        "brier": "Brierscore (0 is volmaakt)",
        "chart_alt": "Lijngrafiek. De tabel eronder bevat dezelfde cijfers.",
    },
}  # fmt: skip

NOT_SCALED = frozenset({"", "ratio", "count", "score"})


def number(value: float, decimals: int, language: str) -> str:
    """Return a number with the separators of the language: 1,234.5 or 1.234,5, with a true minus sign."""
    text = f"{_half_up(value, decimals):,.{decimals}f}"
    if language == "nl":
        text = text.replace(",", "\0").replace(".", ",").replace("\0", ".")
    return text.replace("-", "\N{MINUS SIGN}")


def _half_up(value: float, decimals: int) -> float:
    """Round once, half away from nought, so that 80.5 is 81 everywhere and no figure reads minus nought."""
    scale = 10.0**decimals
    rounded = math.copysign(math.floor(abs(value) * scale + 0.5 + 1e-9) / scale, value)
    return rounded or 0.0


def figure(value: float, unit: str, language: str) -> str:
    """Return a figure with its unit: shares as per cent, changes of shares as points, money without cents."""
    if unit == "share":
        return f"{number(value * 100, 1, language)} %"
    if unit == "points":
        return f"{number(value * 100, 1, language)} {WORDS[language]['points']}"
    if unit == "EUR":
        return f"€ {number(value, 0, language)}"
    if unit == "ratio":
        return f"{number(value * 100, 1, language)} %"
    if unit == "index":
        return number(value, 3, language)
    decimals = 1 if abs(value) < 1000 else 0
    return (
        f"{number(value, decimals, language)} {unit}".strip() if unit not in NOT_SCALED else number(value, 2, language)
    )
