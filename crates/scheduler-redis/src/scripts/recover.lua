-- The server was set back: it restarted, or has less than somebody saw. Another incarnation begins, with
-- numbers that nobody has used, and every worker is asked what it has.
--
-- ARGV[4] a revision that the caller saw in its incarnation, or empty; [5] for how long workers are waited
--         for, in microseconds; [6] the number of workers whose queues are declared
-- KEYS after the fixed ones: the queues of the workers 0, 1, ...
-- OK. QUEUES, how many workers there are: declare their queues.
time()
local stop = guard('next_container', 'next_token')
local known = tonumber(ARGV[3])
if stop == 'SCHEMA' then return answer(stop) end
if not stop then
  if not (known and tonumber(M.incarnation) == known and ARGV[4] ~= ''
    and tonumber(ARGV[4]) > M.revision) then
    return answer('OK')
  end
elseif stop == 'MOVED' then
  return answer('OK')
end
local fleet = call('GET', FLEET) or ''
local workers = #fleet / SLOT
if workers > tonumber(ARGV[6]) then return answer('QUEUES', workers) end

local timers, ready, stale = {}, {}, {}
local keys = {}
for first = 0, 1e15, CHUNK do
  local members = call('ZRANGE', TIMERS, first, first + CHUNK - 1)
  for i = 1, #members do
    local kind = sub(members[i], 1, 1)
    if kind ~= 'W' then stale[#stale + 1] = members[i] end
    if kind == 'D' then keys[#keys + 1] = sub(members[i], 10, 17) end
  end
  if #members < CHUNK then break end
end
local tokens = call('HKEYS', LEASES)
for t = 1, #tokens do
  local claims = holdings(tokens[t])
  for c = 1, #claims do
    for i = 1, #claims[c].keys do keys[#keys + 1] = claims[c].keys[i] end
  end
end
local records = read('HMGET', RECORDS, keys)
for i = 1, #keys do
  if records[i] then ready_again(ready, keys[i], records[i]) end
end
local wait = exact(now + tonumber(ARGV[5]))
local unreported, owners = {}, {}
for w = 0, workers - 1 do
  local s = slot_from(fleet, w * SLOT + 1)
  if s.status ~= GONE then
    unreported[#unreported + 1] = w
    timers[#timers + 1] = wait
    timers[#timers + 1] = 'W' .. pack('>I4I4', w, s.epoch)
    local on = call('ZRANGE', KEYS[QUEUE + 1 + w], 0, -1)
    for i = 1, #on do
      owners[#owners + 1] = on[i]
      owners[#owners + 1] = w
    end
  end
end

write('ZADD', READY, ready)
write('ZREM', TIMERS, stale)
write('ZADD', TIMERS, timers)
call('DEL', LEASES, UNREPORTED, OWNERS)
write('SADD', UNREPORTED, unreported)
if #unreported > 0 then write('HSET', OWNERS, owners) end
local incarnation = math.max(now, tonumber(M.incarnation or nil) or 0, known or 0) + 1
local function jump(number)
  return exact(math.max(unused(), number and number + 1 or 0))
end
local floor = jump(M.revision)
call('HSET', META, 'schema', SCHEMA, 'run_id', ARGV[1], 'incarnation', exact(incarnation),
  'revision', floor, 'floor', floor, 'next_seq', jump(M.seq),
  'next_container', jump(tonumber(M.more[1] or nil)), 'next_token', jump(tonumber(M.more[2] or nil)),
  'next_epoch', exact(math.floor(now / 1000000) + 1), 'unreported', #unreported)
return answer('OK')
