"""What the process imports from which programs are forked (see `warm`); it also makes an engine, whose parts stay."""

from __future__ import annotations

import gc

import anyio._backends._asyncio as _asyncio  # the first three are imported late by others
import sqlalchemy.dialects.sqlite.pysqlite as _pysqlite
import uvicorn.lifespan.off as _off

from axonflow_hooks.agent import server as _agent
from axonflow_hooks.policy import load_engine
from axonflow_hooks.proxy import run as _proxy

PRELOADED = (_asyncio, _pysqlite, _off, _agent, _proxy)

load_engine()
gc.freeze()  # a collection in a fork would copy all of this
