"""Descriptions of a character that a model shall play: no phrase tells, but what comes together in them does."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.matching import Haystack, compile_set

if TYPE_CHECKING:
    from axonflow_hooks.policy.matching import PatternSet
    from axonflow_hooks.policy.validators.candidate import Candidate

WINDOW: Final = 1_200
"""Characters on either side of the match that are looked at."""
NEEDED: Final = 5
"""Cues that must come together, of the seven."""

_CUES: Final = {
    "a part to play": (
        r"(?i)\b(?:act(?:ing)? as|play(?:ing)? the role|role ?-?play\w*|pretend\w*|persona|in the role of|impersonate|"
        r"(?:respond|reply|answer)\w* (?:\w+ ){0,3}as|you (?:are|will be|will act|must act)|you.re (?:a|an|the)|"
        r"from now on|"
        r"simulat\w+|stay in character|take on)\b"
    ),
    "a model": r"(?i)\b(?:chat ?gpt|gpt-?\d?|\w+gpt|dan|language model|llm|ai|a\.i\.|chatbot|openai|anthropic|"
    r"assistant|jailbreak\w*|bot)\b",
    "no limits": (
        r"(?i)\b(?:no|not|without|zero|any|free (?:of|from)|sans|ignor\w+|n.t|breaks?|bypass\w*|lack\w*|beyond|"
        r"don.t have)\b"
        r"[^.\n]{0,50}\b(?:restrict\w+|limits?|limitations?|limited|filter\w*|guidelines?|rules|censor\w*|ethic\w*|"
        r"moral\w*|laws?|"
        r"polic\w+|boundar\w+|remorse|conscience|warnings?|disclaimers?|bounds)\b"
    ),
    "no refusal": (
        r"(?i)\b(?:never|not|n.t|cannot|can.t|won.t|zero|without)\b[^.\n]{0,30}\b(?:refus\w+|declin\w+|reject\w*|"
        r"say no|"
        r"break(?:s|ing)? character|apologi[sz]\w+|warn\w*|disclaimers?|back (?:from|down)|question|doubt)\b|"
        r"\b(?:any|every|all|whatever|anything) (?:of my )?(?:questions?|requests?|prompts?|they ask|i ask|i say|"
        r"you want)\b|"
        r"\bno matter (?:what|how)|\bwhatever i\b|\banything (?:you|i) (?:want|ask)"
    ),
    "transgression": (
        r"(?i)\b(?:il+egal\w*|unethical\w*|immoral\w*|evil|harm(?:s|ful)?|racist|sexist|profan\w+|swear\w*|curs(?:e|"
        r"es|ing)|nsfw|"
        r"uncensored|unfiltered|unhinged|amoral|offensive|malicious|anarch\w+|callous|heartless|vulgar|foul|murder\w*|"
        r"assassin\w*|drugs?|meth|weapons?|hack(?:s|ing)?|flirt\w*|sexual\w*|explicit|slang|crim(?:e|es|inal)|"
        r"violen\w+|dominat\w+|lustful)\b"
    ),
    "a form to keep": (
        r"(?i)\b(?:respond|reply|answer|start|begin|prefix|preface|end|write|talk|speak)\w*\b[^.\n]{0,60}\b(?:with|"
        r"as|like|in the (?:format|form|style)|"
        r"by|using)\b|\[[^\]\n]{0,40}\bprompt\b[^\]\n]{0,20}\]|\bmy (?:first|next) (?:question|request|prompt)|"
        r"\bsay (?:only )?[\"“]?(?:understood|got it|ok)"
    ),
    "addressed to a reader": r"(?i)\b(?:you (?:must|will|are|have|can|should|do|shall|always|never)|your (?:response|"
    r"answer|reply|persona|name|role|character)s?)\b",
}  # fmt: skip


@lru_cache(maxsize=1)
def _cue_set() -> PatternSet:
    return compile_set(list(_CUES.values()))


def limitless_persona(candidate: Candidate) -> bool:
    """Around the match a reader is given a part to play, a model is meant, and limits, refusals and scruples are gone.

    The part, the lack of limits or refusals and a transgression are needed; the others add up.
    """
    start = max(0, candidate.start - WINDOW)
    haystack = Haystack(candidate.text[start : candidate.end + WINDOW])
    patterns = _cue_set()
    names = list(_CUES)
    found = {
        names[index] for index in patterns.hits(haystack) if any(True for _place in patterns.find(index, haystack))
    }
    limits = "no limits" in found or "no refusal" in found
    return len(found) >= NEEDED and limits and {"a part to play", "transgression"} <= found
