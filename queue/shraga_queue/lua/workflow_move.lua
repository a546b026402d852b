-- Change a workflow: its phase, or what is kept of it.
-- Uses: time, text, tell, workflow
-- KEYS[1] the workflows. ARGV: 1 workflow, 2 actor, 3 version or '' for any, 4 name of the move, 5 content, then fields and
--   values.
-- Reply: {'ok' | 'missing' | 'stale' | 'refused', phase}.
-- Invariants: of two that read the same version one moves it, the other is told.
local w = find_workflow(ARGV[1])
local refused = refusal(w, ARGV[4], ARGV[3])
if refused then return refused end
change(w, ARGV[4], ARGV[2], ARGV[5], {unpack(ARGV, 6)})
return {'ok', w.phase}
