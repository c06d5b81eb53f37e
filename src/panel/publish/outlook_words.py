"""The fixed words about predictions on the page of a release, Dutch and English."""

from __future__ import annotations

OUTLOOK_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "right_title": "Who was right, too gloomy, too hopeful",
        "right_how": "Of those who made a prediction that could come true, at its newest reading: right, it went as "
        "they "
        "said; too gloomy, it went better; too hopeful, it went worse. Those who said that nobody can know, or that "
        "the "
        "chance is evens, are not among them.",
        "right": "right", "too_gloomy": "too gloomy", "too_hopeful": "too hopeful", "made": "Said in",
        "read": "Seen in",
        "compare_title": "Predicted, and what happened",
        "compare_alt": "For each prediction a diamond for the share that was predicted and a dot for the share to "
        "which "
        "it happened, with its range. The table beneath it holds the same figures.",
        "compare_sub": "Per cent of those who predicted; everybody, newest reading",
        "compare_how": "Where the dot lies to the right of the diamond, it happened to more people than had said so. A "
        "hollow dot is provisional: the year of the prediction has not come, or its prices are not final.",
        "reliability_title": "Of those who gave a chance, to how many it happened",
        "reliability_alt": "For each group of answers the chance that was given, across, and the share to which it "
        "happened, upwards, with its range. On the slanted line the two are equal. The table beneath it holds the same "
        "figures.",
        "reliability_sub": "Everybody who gave a chance in per cent, in groups fixed in advance",
        "reliability_how": "A dot on the slanted line means that people knew their chances: of those who said 30 %, it "
        "happened to 30 %. Below the line it happened less often than they said, above it more often. 0, 50 and 100 "
        "stand on their own, since people say them when they mean less, or more, than that.",
        "said_chance": "Chance given", "happened_to": "Happened to", "answers": "Answers",
        "years_title": "On the way to {year}",
        "years_how": "What was predicted in {base} for {year}, how it stands each year since, and what must still "
        "happen "
        "for the prediction to come true. Everybody who predicted in {base} counts: those who were seen stand for "
        "those "
        "who left.",
        "as_predicted": "Predicted in {base}", "by_then": "It stands so in", "to_come": "Must still happen",
        "unseen": "Not seen", "needed": "Would be needed of them",
        "needed_how": "Not seen: they left, or gave no answer. Would be needed of them: the share of those not seen "
        "for "
        "whom it must be so, for what was predicted to be just right for all. If that is hard to believe, the reading "
        "stands. A dash: nothing that befell them overturns it.",
        "open_said": "In {base} {predicted} said: {outcome}.",
        "open_chance": "In {base} people gave it a chance of {predicted}, on average.",
        "then_more": "In {year} it stands so for {happened} ({range}); another {to_come} must follow.",
        "then_less": "In {year} it stands so for {happened} ({range}): more than were predicted.",
        "then_even": "In {year} it stands so for {happened} ({range}): within chance of what was predicted.",
        "then_short": "In {year} it was so for {happened} ({range}), fewer than were predicted.",
        "then_unseen": "{unseen} were not seen; the prediction would be just right if it were so for {needed} of them.",
        "then_safe": "{unseen} were not seen; nothing that befell them would make the prediction just right.",
        "then_possible": "No answer of a member can show whether it comes true. If each said what they thought "
        "likelier, "
        "any share from {low} to {high} is possible.",
        "given_title": "Of those who said so, what happened", "said": "Said",
        "fell": "fell", "stayed": "stayed the same", "rose": "rose",
        "measures_title": "How good the predictions were",
        "measures_how": "At the newest reading, of what was said as early as there is. Of a direction a fall counts "
        "-1, the "
        "same 0 and a rise 1. All measures, of every group and pair of waves, are in predictions.csv.",
        "pairs_title": "Every pair of waves",
        "hit_rate": "What was said came true", "hit_by_chance": "Would have come true by drawing lots",
        "skill": "Better than everybody saying the average (1 is perfect, 0 no better, below 0 worse)",
        "bias": "Mean of what was said, less what happened",
        "auc": "Of two people, one to whom it happened and one to whom not: the first had given the higher chance "
        "(1 is always, 0.5 is by chance)",
        "brier": "Mean squared distance between what was said and what happened (0 is perfect)",
        "error_after_fall": "Happened less said, where the year before was a bad one",
        "error_otherwise": "Happened less said, where it was not",
        "revised_down_share": "Now say lower than a wave before", "revised_same_share": "Say the same as a wave before",
        "revised_up_share": "Now say higher than a wave before",
        "clear_now_share": "Could not say a wave before, and can now",
    },
    "nl": {
        "right_title": "Wie gelijk kreeg, te somber was, te hoopvol was",
        "right_how": "Van wie iets voorspelde dat kon uitkomen, bij de nieuwste meting: gelijk, het ging zoals zij "
        "zeiden; te somber, het ging beter; te hoopvol, het ging slechter. Wie zei dat niemand het kan weten, of dat "
        "de "
        "kans half om half is, telt hier niet mee.",
        "right": "gelijk", "too_gloomy": "te somber", "too_hopeful": "te hoopvol", "made": "Gezegd in",
        "read": "Gezien in",
        "compare_title": "Voorspeld, en wat er gebeurde",
        "compare_alt": "Bij elke voorspelling een ruit voor het aandeel dat voorspeld was en een stip voor het aandeel "
        "dat het overkwam, met zijn marge. De tabel eronder bevat dezelfde cijfers.",
        "compare_sub": "Procent van wie voorspelde; iedereen, nieuwste meting",
        "compare_how": "Ligt de stip rechts van de ruit, dan overkwam het meer mensen dan het gezegd hadden. Een open "
        "stip is voorlopig: het jaar van de voorspelling is er nog niet, of de prijzen ervan staan niet vast.",
        "reliability_title": "Van wie een kans noemde: hoe velen het overkwam",
        "reliability_alt": "Voor elke groep antwoorden de kans die genoemd was, naar rechts, en het aandeel dat het "
        "overkwam, naar boven, met zijn marge. Op de schuine lijn zijn die gelijk. De tabel eronder bevat dezelfde "
        "cijfers.",
        "reliability_sub": "Iedereen die een kans in procenten noemde, in groepen die vooraf vaststonden",
        "reliability_how": "Een stip op de schuine lijn betekent dat mensen hun kansen kenden: van wie 30 % zei, "
        "overkwam het 30 %. Onder de lijn gebeurde het minder vaak dan zij zeiden, erboven vaker. 0, 50 en 100 staan "
        "apart, omdat mensen die ook noemen als zij minder of meer bedoelen.",
        "said_chance": "Genoemde kans", "happened_to": "Overkwam", "answers": "Antwoorden",
        "years_title": "Op weg naar {year}",
        "years_how": "Wat in {base} voor {year} was voorspeld, hoe het er elk jaar sindsdien voor staat, en wat er nog "
        "moet gebeuren om de voorspelling te laten uitkomen. Iedereen die in {base} voorspelde telt mee: wie gezien "
        "is, "
        "staat ook voor wie vertrok.",
        "as_predicted": "Voorspeld in {base}", "by_then": "Zo is het in", "to_come": "Moet nog gebeuren",
        "unseen": "Niet gezien", "needed": "Zou van hen nodig zijn",
        "needed_how": "Niet gezien: zij vertrokken, of gaven geen antwoord. Zou van hen nodig zijn: het aandeel van "
        "wie "
        "niet gezien is voor wie het zo moet zijn, wil de voorspelling voor allen precies kloppen. Is dat moeilijk te "
        "geloven, dan blijft de lezing staan. Een streepje: niets wat hun overkwam keert haar om.",
        "open_said": "In {base} zei {predicted}: {outcome}.",
        "open_chance": "In {base} gaf men het gemiddeld een kans van {predicted}.",
        "then_more": "In {year} is het zo voor {happened} ({range}); er moet nog {to_come} bij.",
        "then_less": "In {year} is het zo voor {happened} ({range}): meer dan voorspeld.",
        "then_even": "In {year} is het zo voor {happened} ({range}): binnen het toeval zoals voorspeld.",
        "then_short": "In {year} was het zo voor {happened} ({range}), minder dan voorspeld.",
        "then_unseen": "{unseen} is niet gezien; de voorspelling zou precies kloppen als het voor {needed} van hen "
        "zo is.",
        "then_safe": "{unseen} is niet gezien; niets wat hun overkwam zou de voorspelling precies laten kloppen.",
        "then_possible": "Geen antwoord van een lid kan laten zien of het uitkomt. Zei ieder wat hem het "
        "waarschijnlijkst leek, dan is elk aandeel van {low} tot {high} mogelijk.",
        "given_title": "Van wie dat zei, wat er gebeurde", "said": "Gezegd",
        "fell": "gedaald", "stayed": "gelijk gebleven", "rose": "gestegen",
        "measures_title": "Hoe goed de voorspellingen waren",
        "measures_how": "Bij de nieuwste meting, van wat er zo vroeg mogelijk gezegd was. Van een richting telt een "
        "daling "
        "-1, gelijk 0 en een stijging 1. Alle maten, van elke groep en elk paar golven, staan in predictions.csv.",
        "pairs_title": "Elk paar golven",
        "hit_rate": "Wat gezegd was kwam uit", "hit_by_chance": "Zou bij loten zijn uitgekomen",
        "skill": "Beter dan wanneer iedereen het gemiddelde zei (1 is volmaakt, 0 niet beter, onder 0 slechter)",
        "bias": "Gemiddeld gezegd, min wat er gebeurde",
        "auc": "Van twee mensen, een wie het overkwam en een wie niet: de eerste had de hoogste kans genoemd (1 is "
        "altijd, 0,5 is toeval)",
        "brier": "Gemiddelde kwadratische afstand tussen wat gezegd was en wat gebeurde (0 is volmaakt)",
        "error_after_fall": "Gebeurd min gezegd, waar het jaar ervoor slecht was",
        "error_otherwise": "Gebeurd min gezegd, waar dat niet zo was",
        "revised_down_share": "Zegt nu lager dan een golf eerder",
        "revised_same_share": "Zegt hetzelfde als een golf eerder",
        "revised_up_share": "Zegt nu hoger dan een golf eerder",
        "clear_now_share": "Kon het een golf eerder niet zeggen, en nu wel",
    },
}  # fmt: skip

MEASURES = (
    "hit_rate", "hit_by_chance", "skill", "brier", "bias", "auc", "error_after_fall", "error_otherwise",
    "revised_down_share", "revised_same_share", "revised_up_share", "clear_now_share",
)  # fmt: skip
