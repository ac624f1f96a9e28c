-- The call of the steady state: carries out a plan, hands out containers, says what has changed.
--
-- ARGV[4] token, 8 bytes
-- ARGV[5] the revision up to which the caller has seen everything, or empty
-- ARGV[6] the plan, or empty: batch (8), parts (4), containers (4), then for each part worker (4),
--         epoch (4), count (4), then the keys (8 each)
-- ARGV[7] how many containers to hand out
-- ARGV[8] for how long, in microseconds
-- KEYS after the fixed ones: the queue of each part's worker
--
-- OK, time, revision, incarnation, verdict or empty, capacity updates, claimed (key, record, ...), whole
-- (0 or 1), slots, registrations, workers to bury (worker, epoch, ...).
--   verdict: batch (8), parts (4), containers (4), for each part the worker's version plus one or 0 (8),
--            for each container its outcome (1)
--   slots:   the whole fleet, or for each changed worker its key (4) and its slot
--   registrations: the whole registry, or for each new worker its key (4), a length (4), its text
-- FENCED. RECOVERING, how many workers are waited for, workers to bury.
local PLACED, NO_ROOM, WORKER_GONE, CLOSED, NOT_LEASED = '\0', '\1', '\2', '\3', '\4'
local token, since, plan, most = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])

time()
local stop = guard('s:' .. token)
if stop and stop ~= 'MOVED' then return answer(stop, M.incarnation) end
if since ~= '' and tonumber(since) > M.revision then return answer('SETBACK', M.incarnation) end
-- What was seen before this incarnation is worth nothing.
if since ~= '' and tonumber(since) < M.floor then since = '' end
local given = M.more[1]
if not given then return answer('FENCED') end

local graves = reap()
if M.unreported > 0 and (plan ~= '' or most > 0) then
  finish()
  local bury = {}
  for i = 1, #graves do
    bury[#bury + 1] = graves[i]
    bury[#bury + 1] = slots[graves[i]].epoch
  end
  return answer('RECOVERING', M.unreported, bury)
end

local updates, changes_holdings = 0, false

local function commit()
  local batch, parts, containers, pos = parse('>I8I4I4', plan)
  local last = parse('>I8', given)
  if batch == last then return given end
  local workers, epochs, counts = {}, {}, {}
  for p = 1, parts do
    workers[p], epochs[p], counts[p], pos = parse('>I4I4I4', plan, pos)
  end
  load(workers)
  local keys, records, held = {}, {}, {}
  if batch > last then
    for i = 1, containers do
      keys[i] = sub(plan, pos, pos + 7)
      pos = pos + 8
    end
    held = held_by(token)
    records = read('HMGET', RECORDS, keys)
  end
  local versions, outcomes, gone, placed = {}, {}, {}, 0
  local queues = {}
  local at = 0
  for p = 1, parts do
    local w = workers[p]
    local s = slots[w]
    local there = s and s.status ~= GONE
    versions[p] = pack('>I8', there and s.version + 1 or 0)
    local turned_away = nil
    if batch < last then turned_away = NOT_LEASED
    elseif not there or s.epoch ~= epochs[p] then turned_away = WORKER_GONE
    elseif s.status ~= AVAILABLE then turned_away = CLOSED end
    local queue = {}
    for _ = 1, math.min(counts[p], containers - at) do
      at = at + 1
      local outcome = turned_away
      if not outcome then
        local key, record = keys[at], records[at]
        local ends = held[key]
        -- More may have fallen due than a call reaps, so the lease's end is looked at.
        if not ends or not record or gone[key] or ends <= now then
          outcome = NOT_LEASED
        else
          local cpu, memory, gpus = parse('>I4I4B', record)
          if s.cpu + cpu <= s.total_cpu and s.memory + memory <= s.total_memory
            and s.gpus + gpus <= s.total_gpus then
            outcome = PLACED
            s.cpu, s.memory, s.gpus = s.cpu + cpu, s.memory + memory, s.gpus + gpus
            s.containers = s.containers + 1
            gone[key] = true
            M.seq = M.seq + 1
            queue[#queue + 1] = exact(M.seq)
            queue[#queue + 1] = key
            placed = placed + 1
          else
            outcome = NO_ROOM
          end
        end
      end
      outcomes[at] = outcome
    end
    if #queue > 0 then
      s.version = s.version + 1
      updates = updates + 1
      touch(w)
      queues[p] = queue
    end
  end
  while at < containers do
    at = at + 1
    outcomes[at] = NOT_LEASED
  end
  -- The first writes are those that another's key in the place of a queue can stop: they are taken back.
  for p = 1, parts do
    if queues[p] then
      for first = 1, #queues[p], CHUNK do
        local done, fault = pcall(call, 'ZADD', KEYS[QUEUE + p],
          unpack(queues[p], first, math.min(first + CHUNK - 1, #queues[p])))
        if not done then
          for q = 1, p do
            for i = 2, queues[q] and #queues[q] or 0, 2 do
              pcall(call, 'ZREM', KEYS[QUEUE + q], queues[q][i])
            end
          end
          error(fault, 0)
        end
      end
    end
  end
  local verdict = pack('>I8I4I4', batch, parts, containers)
    .. concat(versions) .. concat(outcomes)
  if placed > 0 then
    let_go(token, gone)
    changes_holdings = true
    set('next_seq', exact(M.seq))
  end
  if batch > last then set('s:' .. token, verdict) end
  return verdict
end

-- What can be claimed is read before the plan is carried out, which changes none of it.
local claimed, taken, listed = {}, {}, 0
while #taken < most do
  local wanted = math.min(most - #taken, CHUNK)
  local members = call('ZRANGE', READY, listed, listed + wanted - 1)
  local keys = {}
  for i = 1, #members do keys[i] = sub(members[i], 9, 16) end
  local records = read('HMGET', RECORDS, keys)
  for i = 1, #keys do
    if records[i] then
      taken[#taken + 1] = keys[i]
      claimed[#claimed + 1] = keys[i]
      claimed[#claimed + 1] = records[i]
    end
  end
  listed = listed + #members
  if #members < wanted then break end
end
if #taken > 0 then holdings(token) end

local verdict = plan ~= '' and commit() or ''

if listed > 0 then call('ZREMRANGEBYRANK', READY, 0, listed - 1) end
if #taken > 0 then
  M.seq = M.seq + 1
  local claims = holdings(token)
  claims[#claims + 1] = { ends = now + tonumber(ARGV[8]), number = M.seq, keys = taken }
  call('ZADD', TIMERS, exact(now + tonumber(ARGV[8])), 'L' .. token .. pack('>I8', M.seq))
  changes_holdings = true
  set('next_seq', exact(M.seq))
end
if changes_holdings then write_holdings(token) end

finish()

local whole, changed, texts = 0, '', ''
if since == '' then
  whole = 1
  changed = call('GET', FLEET) or ''
  texts = call('GET', REGISTRY) or ''
else
  local listed = call('ZRANGEBYSCORE', LOG, '(' .. since, '+inf')
  local workers, pieces, news = {}, {}, {}
  for i = 1, #listed do workers[i] = tonumber(listed[i]) end
  load(workers)
  local seen = tonumber(since)
  for i = 1, #workers do
    local s = slots[workers[i]]
    pieces[#pieces + 1] = pack('>I4', workers[i])
    -- What was written is there in packed form.
    pieces[#pieces + 1] = s.bytes or slot_bytes(s)
    if s.registered > seen then
      local text = call('GETRANGE', REGISTRY, s.text_at, s.text_at + s.text_len - 1)
      news[#news + 1] = pack('>I4I4', workers[i], #text)
      news[#news + 1] = text
    end
  end
  changed, texts = concat(pieces), concat(news)
end
local bury = {}
for i = 1, #graves do
  bury[#bury + 1] = graves[i]
  bury[#bury + 1] = slots[graves[i]].epoch
end
return answer('OK', now, M.revision, tonumber(M.incarnation), verdict, updates, claimed, whole,
  changed, texts, bury)
