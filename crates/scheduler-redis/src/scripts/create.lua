-- Makes an empty store under a prefix that nobody uses, or says what is there.
--
-- OK, incarnation. TYPE, the key, its type: a key of ours is not what it should be. SCHEMA, what was found.
local kinds = { 'hash', 'hash', 'hash', 'hash', 'zset', 'zset', 'string', 'string', 'zset', 'hash',
  'hash', 'hash', 'list', 'list', 'set', 'hash', 'hash' }
for i = 1, #kinds do
  local kind = call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= kinds[i] then return answer('TYPE', KEYS[i], kind, kinds[i]) end
end
local schema = call('HGET', META, 'schema')
if schema and schema ~= SCHEMA then return answer('SCHEMA', schema) end
if not schema then
  if call('EXISTS', META) == 1 then return answer('SCHEMA', '') end
  time()
  local base = exact(unused())
  call('HSET', META, 'schema', SCHEMA, 'run_id', ARGV[1], 'incarnation', exact(now), 'revision', base,
    'next_seq', base, 'next_container', base, 'next_token', base, 'unreported', 0, 'floor', base,
    'next_epoch', 1)
end
return answer('OK', tonumber(call('HGET', META, 'incarnation')))
