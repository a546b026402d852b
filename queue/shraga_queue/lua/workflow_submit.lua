-- Accept a workflow.
-- Uses: time, text, tell
-- KEYS[1] the workflows. ARGV: 1 workflow, 2 owner, 3 actor, 4 title, then fields and values of its record.
-- Reply: now in ms.
-- Invariants: the same id is accepted once, so that a repeated call after a lost reply adds nothing.
if redis.call('HSETNX', K.workflows(), ARGV[1], ARGV[2]) == 1 then
  if redis.call('ZADD', K.users(), 'NX', NOW, ARGV[2]) == 1 then
    redis.call('HSETNX', K.user(ARGV[2]), 'created_at', NOW_TEXT)
  end
  redis.call('HSET', K.workflow(ARGV[2], ARGV[1]), 'owner', ARGV[2], 'phase', 'created', 'title', ARGV[4],
    'created_at', NOW_TEXT, 'updated_at', NOW_TEXT, 'moved_at', NOW_TEXT, 'created_by', ARGV[3], 'updated_by', ARGV[3],
    'version', '1', unpack(ARGV, 5))
  redis.call('ZADD', K.workflow_index('created'), NOW, ARGV[1])
  redis.call('HINCRBY', K.workflows_due(), ARGV[1], 1)
  tell('workflow.submitted', ARGV[2], '', cut(ARGV[4], 120), '', '', ARGV[3], '', ARGV[1])
  audit(ARGV[3], 'submit', 'workflow', ARGV[1], '', 'created', '')
end
return NOW
