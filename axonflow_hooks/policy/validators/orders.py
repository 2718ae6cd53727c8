"""Orders that a text gives to the model that reads it: no phrase tells, but what comes together in a sentence does.

Each check takes a place that a pattern found and looks at the sentence around it for word classes: who is spoken to,
and what is to be dropped, sent, hidden or claimed. What is said of a third person (`its instructions`, `the agent must
not`) is a description, not an order.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.validators.candidate import Candidate
from axonflow_hooks.policy.validators.mentions import not_quoted

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW: Final = 300
"""Characters on either side of the match that its sentence may take."""

_GIVEN: Final = (
    r"(?:instructions?|directions|directives?|guidelines?|guidance|rules|prompts?|system messages?|programming|"
    r"training|alignment|restrictions|constraints|guard ?rails|safeguards|polic(?:y|ies)|ethics|morals|"
    r"(?:content )?filters)"
)
_AI: Final = (
    r"(?:(?:ai|a\.i\.|llm)(?: (?:agent|assistant|model|system|reviewer|reader|tool|bot|language model)s?)?|"
    r"language models?|(?:coding|automated|autonomous|virtual) (?:agent|assistant|reviewer|tool)s?|assistants?|"
    r"chat ?bots?|claude|chatgpt|gpt[-\w]*|copilot|gemini)"
)
_NO_MODEL: Final = (
    r"(?! (?:researcher|engineer|developer|startup|company|product|student|course|section|enthusiast|feature|act|team|"
    r"community|manager|expert|newsletter|code\b|desktop\b|config))"
)
_OTHER: Final = (
    r"(?:own|shell|command|bash|zsh|login|password|terminal|firewall|\w*lint|css|style|routing|iptables|proxy|privacy|"
    r"cookie|return|refund|router|tax|travel|build)"
)
"""What makes rules, prompts and policies those of a program or a shop."""
_CUES: Final = {
    "drop": (
        r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?: about)?|neglect|discard|abandon|erase|unlearn|drop|skip|"
        r"(?:set|put|leave|lay|cast|throw|toss)\b.{0,80}\b(?:aside|out|away|behind)|override|overrule|violate|"
        r"(?:cease|stop|quit) (?:following|obeying|heeding|applying)|"
        r"(?:do not|don.t|never|no longer) (?:follow|obey|heed|listen to|comply with|adhere to)|"
        r"pay no (?:heed|attention)|(?:do not|don.t) pay (?:any )?attention)\b"
    ),
    "dropped": (
        r"\b(?:void|cancell?ed|revoked|suspended|lifted|superseded|invalid|fake|(?:was|were|are) (?:just )?a test|"
        r"no longer (?:appl(?:y|ies)|counts?|valid|matters?|exists?|binding|in (?:force|effect))|"
        r"(?:do|does|did)(?: not|n.t) (?:apply|exist|count|matter)|nothing\b.{0,60}\bcounts?|"
        r"(?:was|were) (?:all )?(?:a )?mistakes?|"
        r"(?:are|is|been) (?:now )?(?:deleted|switched off|turned off|disabled))\b"
    ),
    "yours": (
        rf"\byour (?!(?:[\w-]+ ){{0,2}}{_OTHER}\b)(?:[\w-]+ ){{0,3}}{_GIVEN}\b"
        r"(?! (?:file|folder|set|engine|manual|booklet|server))|"
        rf"\b{_GIVEN} (?:that )?(?:(?:we|they|i|(?:the|your) \w+) (?:gave|give|told|sent) you|"
        r"you(?: were| have been|.ve been) (?:given|told|configured with|trained (?:with|on))|you got at the (?:start|"
        r"beginning))\b|"
        r"\b(?:what|whatever|everything|anything|all)(?: [\w']+){0,4} (?:you(?: were| have been|.ve been)? "
        r"(?:told|taught|instructed)|told you)\b|\b(?:the|your) system (?:message|prompt|instructions)\b|"
        rf"\b{_GIVEN} (?:above|(?:that came )?before this|at the (?:top|start|beginning) of th(?:is|e) "
        r"(?:conversation|chat|session|context))\b"
    ),
    "earlier": (
        r"\b(?:previous|prior|earlier|preceding|former|foregoing|initial|original|above)(?: [\w-]+)? "
        rf"{_GIVEN}\b"
    ),
    "what now": (
        rf"\b(?:follow|use|do|obey|heed) (?:mine|this|these|me)\b|\binstead\b|\b(?:from (?:now|here) on|new) "
        rf"{_GIVEN}\b|\byou (?:are|must|will|shall|now)\b|\b(?:human|user|operator|developer)s?\b|\b{_AI}\b{_NO_MODEL}"
    ),
    "a part": (
        r"\b(?:you are|you.re|you will be|you become|act|acting|pretend|assume|simulate|play|become|speak|speaking|"
        r"answer|answering|respond|reply|role-?play|imagine|behave|operate|continue|comply)\b"
    ),
    "a model": (
        rf"\b{_AI}\b{_NO_MODEL}|\b\w+gpt\b|\bdan\b|\b(?:persona|evil twin)\b|"
        r"\b(?:unfiltered|unrestricted|uncensored) (?:model|machine|mode)\b|"
        r"\byou(?: are|.re) (?:\w+ ){0,3}(?:model|machine)\b"
    ),
    "no limits": (
        r"\b(?:without(?: any)?|(?:has|have|with)? ?no|free (?:of|from)(?: all| any| the)?|freed (?:of|from)(?: its| "
        r"all| the| your| any)?|not bound by(?: any)?|beyond(?: all)?)\s+(?:\w+ )?(?:restrictions?|limits|limitations|"
        r"filters?|filtering|rules|censorship|polic(?:y|ies)|guidelines|morals?|ethics|constraints|boundaries|safeguards)\b|"
        r"\b(?:restrictions|(?:content |safety )?filters|rules|guidelines) (?:switched|turned) off\b|"
        r"\bturning off your (?:filters|rules)\b|\bunfiltered\b"
    ),
    "secret": (
        r"(?:^|\W)(?:\.env\b|~/\.\w+|\.ssh\b|id_(?:rsa|ed25519)|/etc/(?:passwd|shadow)|private keys?\b|ssh keys?\b|"
        r"environment variables\b|wallet balance|(?:conversation|chat)(?: history)?\b|"
        r"(?:all|any|every|stored|saved|their|admin)(?: the| of the)? (?:\w+ )?(?:credentials|tokens|passwords?|"
        r"secrets|api keys?|keys|e-?mails)\b|(?:the |your |this )?user.s \w+)"
    ),
    "outside": (
        r"https?://|\b\S+@\S+\.\w+|\b(?:address|url|server|endpoint|webhook|gist|link|account|number) below\b|"
        r"\b(?:this|the following|that) (?:address|url|server|endpoint|webhook|gist|link|account|number)\b|"
        r"\b(?:the|a|your) (?:pull request|pastebin|get request|query string|query|readme|issue|gist)\b"
    ),
    "sends": (
        r"\b(?:send|post|upload|forward|e-?mail|push|transfer|paste|leak|exfiltrate|submit|append|attach|copy|encode|"
        r"share|open|visit)\b"
    ),
    "hands over": r"\b(?:send|post|upload|forward|push|paste|add|include|put|pass|commit|transfer)\b",
    "hides": (
        r"\b(?:without (?:telling|informing|notifying|alerting|asking) (?:the |your )?(?:user|human|operator|owner)s?|"
        r"(?:do not|don.t|never|not) (?:mention|disclose|reveal|tell|inform|notify|alert|report|show)\b"
        r"[^.;]{0,40}\b(?:user|human|operator|your (?:summary|answer|reply|explanation|response))s?|"
        r"not mention (?:it|this) in the (?:summary|answer|reply)|"
        r"(?:user|human|operator)s? (?:does not|doesn.t|must not|should not) (?:need to )?(?:know|see|learn|notice)|"
        r"keep (?:it|this|that) (?:out of your \w+|secret|hidden|from the user))\b|"
        r"\bdo this (?:silently|quietly|secretly|discreetly)\b|\bsecretly\b|"
        r"\b(?:silently|quietly|discreetly) (?:call|invoke|execute|send|forward|upload) (?:the|this|all|any) "
        r"(?:following|tool|function|\w+ tool|user|conversation|file)"
    ),
    "does": (
        r"\b(?:send|run|execute|call|invoke|copy|upload|forward|delete|remove|read|push|post|disable|insert|add|transfer|"
        r"grant|approve|install|download|exfiltrate)\b"
    ),
    "an agent": (
        rf"(?:^|[,;:(>]\s*|\b(?:to|for|dear|hey|hi|hello|attention|note|any|all|every|if you(?: are|.re) an?|as an?)"
        rf"(?: (?:the|any|all|an?|every))* )(?:ai )?(?:{_AI}|agents)\b{_NO_MODEL}"
    ),
    "harm": (
        r"\b(?:curl|wget)\b.{0,80}\|\s*(?:ba|z)?sh\b|\brm -rf\b|\bback ?door|\breverse shell\b|"
        r"\bdisable (?:your|the) (?:hooks|guard\w*|safety|security)|\bremove the hooks\b|"
        r"\b(?:delete|wipe|erase) (?:the |all |every )+(?:database|backups?|repository|production)\b|"
        r"\b(?:approve|accept) th(?:is|e) (?:merge request|pull request|paper|submission|candidate)\b|"
        r"\brate (?:this|the|it)\b.{0,40}\b10|\bhide (?:the |all |any )?negative|\brecommend (?:our|my) |"
        r"\bto (?:every|each|all|any) (?:question|message|request)s? with\b|\bpermits? sharing|\ball tests passed\b"
    ),
    "consent": (
        r"\b(?:the |your )?(?:user|human|operator|owner) (?:has |have |had )?(?:already )?(?:approved|consented|agreed|"
        r"authori[sz]ed|confirmed|granted|given (?:you )?(?:permission|consent|approval))\b|"
        r"\b(?:approval|consent|permission|authori[sz]ation)(?: has| was| is)?(?: already)?(?: been)? (?:given|granted|"
        r"obtained) by the (?:user|human|operator|owner)\b|\byou have been (?:granted|given) (?:root|admin\w*)\b"
    ),
    "goes further": (
        r"\b(?:delet\w+|execut\w+|rm|proceed|skip|transfer|every tool|all further|do not ask|don.t ask|"
        r"ignore the confirmation)\b"
    ),
    "answers": (
        r"(?:^|[,;:]\s*)(?:then |just )?(?:answer|reply|respond|call|output|send|say|print|always)\b|\balways call\b"
    ),
}  # fmt: skip
_OPENS: Final = re.compile("[\"\u201c`\u00ab]|(?:^|\\s)['\u2018]")
_BREAK: Final = re.compile(r"[.!?]['\")\]]*\s|\n\s*(?:\n|[-*#>|+]|\d+[.)])")
_TOLD: Final = re.compile(
    r"(?:\bnot|n.t|\bnever|\bcannot|\bno need to|\bwho|\bthat|\bwhich|\bmay|\bmight|\bcould|\bwould|"
    r"\b(?:told|tells?|asks?|asked|trick\w*|caus\w+|instruct\w*) (?:\w+ ){1,3}to)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)
_BIDS: Final = re.compile(
    r"(?:^|[,;:.!?>)\]-]\s*|\b(?:and|then|also|please|now|instead|just|first|kindly|immediately|next|silently|quietly|"
    r"you (?:must|should|have to|need to|will|shall))\s+)$",
    re.IGNORECASE,
)

_DENIED_BEFORE: Final = re.compile(
    r"(?:\b(?:не|n[ãa]o|non|ne|nunca|jamais|nie|no|n'|not|never)\s*|\b(?:do|must) not |不要|别|請勿|请勿|勿)$",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(
    r"\b(?:nicht|niet|pas|jamais|inte|ikke|nie)\b|잊지|しない|忘れず|मत\b|لا تنس", re.IGNORECASE
)


@cache
def _cue(name: str) -> re.Pattern[str]:
    # compiled when first needed: start-up is on the first hook call
    return re.compile(_CUES[name], re.IGNORECASE)


def _has(sentence: str, *names: str) -> bool:
    return all(_cue(name).search(sentence) for name in names)


def sentence_of(candidate: Candidate) -> str:
    """Give the sentence around a match, as one line; one that is longer than WINDOW is cut."""
    before, after = candidate.before(WINDOW), candidate.after(WINDOW)
    starts = [broken.end() for broken in _BREAK.finditer(before)]
    head = before[starts[-1] :] if starts else before
    end = _BREAK.search(after)
    tail = after if end is None else after[: end.start() + 1]
    return " ".join(f"{head}{candidate.value}{tail}".split()).lstrip("-*#>|+ ")


def drops_orders(candidate: Candidate) -> bool:
    """A reader is told to drop the orders it was given, or that they no longer hold."""
    sentence = sentence_of(candidate)
    given = _cue("yours").search(sentence) or (_has(sentence, "what now") and _cue("earlier").search(sentence))
    if not given:
        return False
    orders = [*_cue("drop").finditer(sentence), *_cue("dropped").finditer(sentence)]
    return any(_is_meant(sentence, order, given) for order in orders)


def _is_meant(sentence: str, order: re.Match[str], given: re.Match[str]) -> bool:
    """Tell whether the order to drop what was given is an order, rather than told or quoted."""
    start, end = min(order.start(), given.start()), max(order.end(), given.end())
    if _TOLD.search(sentence[: order.start()]) or not not_quoted(Candidate(sentence, start, end)):
        return False
    between = sentence[min(order.end(), given.end()) : max(order.start(), given.start())]
    return not _OPENS.search(between) and not _OPENS.search(sentence[given.start() - 2 : given.start()])


def not_denied(candidate: Candidate) -> bool:
    """The match says no `do not forget`, in the languages of the patterns that need it."""
    return not _DENIED_BEFORE.search(candidate.before(12)) and not _DENIED.search(candidate.value)


def lifts_limits(candidate: Candidate) -> bool:
    """A reader is given the part of a model that knows no limits."""
    return _has(sentence_of(candidate), "a part", "a model", "no limits")


def sends_secrets(candidate: Candidate) -> bool:
    """A reader is bidden to send out what is not its own."""
    sentence = sentence_of(candidate)
    if not _has(sentence, "secret", "outside"):
        return False
    heads = (sentence[: match.start()] for match in _cue("sends").finditer(sentence))
    return any(_BIDS.search(head) and not _TOLD.search(head) for head in heads)


def hides_from_user(candidate: Candidate) -> bool:
    """A reader is to do something that its user shall not learn of."""
    sentence = sentence_of(candidate)
    return _has(sentence, "hides", "does") and not re.search(r"\b(?:which|whether|enumeration)\b", sentence)


def orders_agent(candidate: Candidate) -> bool:
    """A model is spoken to, and is to do harm, to send secrets out or to hide what it does."""
    sentence = sentence_of(candidate)
    if not _has(sentence, "an agent") or re.search(r"\b(?:must|should|may|can)(?:not| not| never)\b", sentence):
        return False
    return _has(sentence, "harm") or _has(sentence, "hands over", "secret") or _has(sentence, "hides")


def claims_consent(candidate: Candidate) -> bool:
    """Somebody is said to have agreed to what a person has to be asked about."""
    return _has(sentence_of(candidate), "consent", "goes further")


def answers_whatever(candidate: Candidate) -> bool:
    """The answer is laid down whatever the user will ask."""
    return _has(sentence_of(candidate), "answers")


ORDERS: Final[dict[str, Callable[[Candidate], bool]]] = {
    "drops_orders": drops_orders,
    "not_denied": not_denied,
    "lifts_limits": lifts_limits,
    "sends_secrets": sends_secrets,
    "hides_from_user": hides_from_user,
    "orders_agent": orders_agent,
    "claims_consent": claims_consent,
    "answers_whatever": answers_whatever,
}
