// Masks the text of failed tool calls, which no hook command can replace. A hooks module of Claude Code: releases that
// do not know these pass over "modules" in hooks.json, and there the text stays as it was (audited and flagged).
//
// It knows no policy: what to show comes from `hooks/run failed-output`, as with every hook. Whatever goes wrong here
// leaves the call as it settled; the hook PostToolUseFailure has scanned and recorded it already.

const GOVERNED = /^(Bash|Write|Edit|MultiEdit|NotebookEdit|mcp__.*)$/; // the matcher of hooks.json
const TIMEOUT_MS = 15_000; // that of hooks.json

export const register = (on) => {
  // A refused call ends as an error too: only what has run and failed raises this event.
  const flagged = new Map();

  on('classic.PostToolUseFailure', { tool_name: GOVERNED }, async ($, e, next) => {
    const said = await next(e); // what the hook commands have to say: of a clean text, nothing
    if (said?.additionalContext?.length > 0) flagged.set(e.tool_use_id, e);
    return said;
  });

  on('tool.call', { tool: GOVERNED }, async ($, e, next) => {
    const ran = await next(e);
    const failure = flagged.get(e.tool_use_id);
    flagged.delete(e.tool_use_id);
    if (failure === undefined || ran.isError !== true || !ran.text) return ran;
    const masked = await maskedText($, { ...failure, hook_event_name: 'FailedOutput', error: ran.text });
    return masked === undefined ? ran : { deny: masked }; // what hook commands have said goes with the text
  }).catch(($, e, next) => next(e)); // next(e) replays what the call settled to
};

// Gives what the model is to read instead of `event.error`, undefined to leave it as it is.
const maskedText = async ($, event) => {
  const command = ['sh', `${$.plugin.root}/hooks/run`, 'failed-output'];
  const { stdout } = await $.process.run(command, { stdin: JSON.stringify(event), timeoutMs: TIMEOUT_MS });
  return stdout.trim() === '' ? undefined : JSON.parse(stdout).maskedError;
};
