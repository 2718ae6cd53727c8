"""GET /health (wire 1.10). Built when first used: no tool call waits for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from axonflow_hooks.wire.fields import OBJECT, OBJECTS, LenientCount, LenientText, LenientTexts


class Capability(BaseModel):
    """One thing the agent really serves, and the release that brought it."""

    model_config = ConfigDict(defer_build=True)

    name: LenientText = ""
    since: LenientText = ""
    description: LenientText = ""


class PluginCompatibility(BaseModel):
    """Oldest and recommended plugin release per plugin id."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    min_plugin_version: LenientTexts = Field(default_factory=dict)
    recommended_plugin_version: LenientTexts = Field(default_factory=dict)


class Health(BaseModel):
    """What an agent says of itself; only `status` is certain to be there.

    `policy_faults` is the embedded agent's: how many policies it has and cannot use.
    """

    model_config = ConfigDict(extra="ignore", defer_build=True)

    status: str
    service: LenientText = ""
    version: LenientText = ""
    timestamp: LenientText = ""
    tier: LenientText = ""
    edition: LenientText = ""
    deployment_mode: LenientText = ""
    capabilities: Annotated[list[Capability], OBJECTS] = Field(default_factory=list)
    plugin_compatibility: Annotated[PluginCompatibility, OBJECT] = Field(default_factory=PluginCompatibility)
    policy_faults: LenientCount = None
