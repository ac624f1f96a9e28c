-- What every script begins with: the keys by name, slots of the fleet, and the guard.
--
-- A reply is an array that begins with a word. `OK` is followed by what was asked for; anything else
-- means that nothing was written, and why; SCHEMA, SETBACK and MOVED may be the answer to any call.
--
-- ARGV[1] the run id of the server that the caller is connected to
-- ARGV[2] the caller's time in microseconds instead of the server's, or empty
-- ARGV[3] the incarnation that the caller knows, or empty
--
-- Numbers are exact below 2^53 only, and Lua turns longer ones into text with 14 digits: hence `exact`.
local META, NAMES, RECORDS, PAYLOADS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local READY, TIMERS, FLEET, REGISTRY = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local LOG, WORKERS, FETCHED, ACKED = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local LOST, REFUSED, UNREPORTED, OWNERS = KEYS[13], KEYS[14], KEYS[15], KEYS[16]
local LEASES = KEYS[17]
-- The keys after these are queues.
local QUEUE = 17

local SCHEMA = 'proofload-scheduler/1'
-- `unpack` fails near 8,000 values; an even number, so that pairs stay together.
local CHUNK = 1000
local LISTED = 10000

-- Locals are found faster than what is global.
local sub, format, concat = string.sub, string.format, table.concat
local pack, parse = struct.pack, struct.unpack

local function exact(number)
  return format('%d', number)
end

-- A command with many arguments that reads: one answer an argument.
local function read(command, key, list)
  if #list == 0 then return {} end
  if #list <= CHUNK then return call(command, key, unpack(list)) end
  local all = {}
  for first = 1, #list, CHUNK do
    local answers = call(command, key, unpack(list, first, math.min(first + CHUNK - 1, #list)))
    for i = 1, #answers do all[first + i - 1] = answers[i] end
  end
  return all
end

-- The same for one that writes.
local function write(command, key, list)
  for first = 1, #list, CHUNK do
    call(command, key, unpack(list, first, math.min(first + CHUNK - 1, #list)))
  end
end

-- The server's time in microseconds.
local now = nil
local function time()
  if ARGV[2] ~= '' then
    now = tonumber(ARGV[2])
  else
    local t = call('TIME')
    now = t[1] * 1000000 + t[2]
  end
end

-- Numbers that nobody has used: up to 2,048 are given out in a millisecond, so that what a store that
-- was set back has forgotten is below this, too.
local function unused()
  return math.floor(now / 1000) * 2048
end

-- What the guard read of `meta`.
local M = nil
-- Fields of `meta` to write at the end.
local fields = {}

local function split_keys(text)
  local keys = {}
  for at = 1, #text - 7, 8 do keys[#keys + 1] = sub(text, at, at + 7) end
  return keys
end

-- Reads `meta` with these fields besides. A word: the caller may not go on.
local function guard(...)
  local m = call('HMGET', META, 'schema', 'run_id', 'incarnation', 'revision', 'next_seq',
    'unreported', 'floor', ...)
  M = { revision = tonumber(m[4]), seq = tonumber(m[5]), unreported = tonumber(m[6]),
    floor = tonumber(m[7]), incarnation = m[3], more = { unpack(m, 8) } }
  if not m[1] then return 'SETBACK' end
  if m[1] ~= SCHEMA then return 'SCHEMA' end
  if m[2] ~= ARGV[1] then return 'SETBACK' end
  local known, current = tonumber(ARGV[3]), tonumber(m[3])
  if known and known > current then return 'SETBACK' end
  -- The caller's names of workers are of another time.
  if known and known < current then return 'MOVED' end
  return nil
end

-- Slots of the fleet: 64 bytes a worker, at 64 times its key.
local SLOT = 64
local SHAPE = '>I8I8I4I4I4BBI4I4I8I8I4I4I2'
local GONE, AVAILABLE, PENDING = 0, 1, 2

local function slot_from(bytes, at)
  local s = {}
  s.cpu, s.memory, s.gpus, s.total_cpu, s.total_memory, s.total_gpus, s.status, s.containers,
    s.epoch, s.version, s.registered, s.text_at, s.text_len = parse(SHAPE, bytes, at)
  return s
end

local function slot_bytes(s)
  return pack(SHAPE, s.cpu, s.memory, s.gpus, s.total_cpu, s.total_memory, s.total_gpus,
    s.status, s.containers, s.epoch, s.version, s.registered, s.text_at, s.text_len, 0)
end

-- Slots that were read, by worker; `false`: there is none.
local slots = {}

-- Reads slots: all in one piece if they are near each other.
local function load(workers)
  local need, low, high = {}, nil, nil
  for i = 1, #workers do
    local w = workers[i]
    if slots[w] == nil then
      slots[w] = false
      need[#need + 1] = w
      if not low or w < low then low = w end
      if not high or w > high then high = w end
    end
  end
  if #need > 1 and high - low < 32 * #need then
    local bytes = call('GETRANGE', FLEET, low * SLOT, high * SLOT + SLOT - 1)
    for i = 1, #need do
      local at = (need[i] - low) * SLOT
      if #bytes >= at + SLOT then slots[need[i]] = slot_from(bytes, at + 1) end
    end
  else
    for i = 1, #need do
      local bytes = call('GETRANGE', FLEET, need[i] * SLOT, need[i] * SLOT + SLOT - 1)
      if #bytes == SLOT then slots[need[i]] = slot_from(bytes, 1) end
    end
  end
end

local function slot(w)
  if slots[w] == nil then load({ w }) end
  return slots[w]
end

-- Workers that changed, in order, and the slots to write.
local log, touched, is_touched = {}, {}, {}

local function touch(w)
  M.revision = M.revision + 1
  log[#log + 1] = exact(M.revision)
  log[#log + 1] = w
  if not is_touched[w] then
    is_touched[w] = true
    touched[#touched + 1] = w
  end
end

-- A container comes to a worker, or goes from it.
local function charge(s, record, sign)
  local cpu, memory, gpus = parse('>I4I4B', record)
  s.cpu = s.cpu + sign * cpu
  s.memory = s.memory + sign * memory
  s.gpus = s.gpus + sign * gpus
  s.containers = s.containers + sign
end

-- Writes the changed slots, the log and the changed fields of `meta`.
local function finish()
  if #touched > 0 then
    local low, high = touched[1], touched[1]
    for i = 2, #touched do
      if touched[i] < low then low = touched[i] end
      if touched[i] > high then high = touched[i] end
    end
    if high - low + 1 <= 2 * #touched then
      local between, all = {}, {}
      for w = low, high do between[#between + 1] = w end
      load(between)
      for w = low, high do
        slots[w].bytes = slot_bytes(slots[w])
        all[#all + 1] = slots[w].bytes
      end
      call('SETRANGE', FLEET, low * SLOT, concat(all))
    else
      for i = 1, #touched do
        local s = slots[touched[i]]
        s.bytes = slot_bytes(s)
        call('SETRANGE', FLEET, touched[i] * SLOT, s.bytes)
      end
    end
    write('ZADD', LOG, log)
    fields[#fields + 1] = 'revision'
    fields[#fields + 1] = exact(M.revision)
  end
  if #fields > 0 then call('HSET', META, unpack(fields)) end
end

local function set(field, value)
  fields[#fields + 1] = field
  fields[#fields + 1] = value
end

-- Records: cpu 1-4, memory 5-8, gpus 9, flags 10, priority 11-14, attempts 15-18, seq 19-26,
-- enqueued 27-34, length of the name 35-38, name, and texts that no script reads.
local function name_of(record)
  return (parse('>I4c0', record, 35))
end

-- Adds what `ready` needs to list this container again, in its old place.
local function ready_again(list, key, record)
  -- Somebody may have spoilt a record: it must not stand in the way of all others.
  if #record < 26 then record = string.rep('\0', 26) end
  list[#list + 1] = -parse('>i4', record, 11)
  list[#list + 1] = sub(record, 19, 26) .. key
end

-- Forgets containers.
local function forget(keys, records)
  if #keys == 0 then return end
  local names = {}
  for i = 1, #keys do names[i] = name_of(records[i]) end
  write('HDEL', NAMES, names)
  write('HDEL', RECORDS, keys)
  write('HDEL', PAYLOADS, keys)
end

-- Names containers as lost, and how: the name of a worker, a line feed, the name of the container.
local function lose(worker, names)
  if #names == 0 then return end
  local entries = {}
  for i = 1, #names do entries[i] = worker .. '\n' .. names[i] end
  write('RPUSH', LOST, entries)
  call('LTRIM', LOST, -LISTED, -1)
end

-- One worker fewer to wait for.
local function reported(w)
  if M.unreported > 0 and call('SREM', UNREPORTED, w) == 1 then
    M.unreported = M.unreported - 1
    set('unreported', M.unreported)
    if M.unreported == 0 then call('DEL', OWNERS) end
  end
end

local function waits_for(w)
  return M.unreported > 0 and call('SISMEMBER', UNREPORTED, w) == 1
end

-- What tokens hold: a list of claims, each with its end, its number and its containers. In `leases` that
-- is one field a token, so a batch is leased, checked and given up as a whole.
local claims_of = {}

local function holdings(token)
  local claims = claims_of[token]
  if claims then return claims end
  claims = {}
  local bytes = call('HGET', LEASES, token) or ''
  local pos = 1
  while pos <= #bytes do
    local claim, count = { keys = {} }, nil
    claim.ends, claim.number, count, pos = parse('>I8I8I4', bytes, pos)
    for i = 1, count do
      claim.keys[i] = sub(bytes, pos, pos + 7)
      pos = pos + 8
    end
    claims[#claims + 1] = claim
  end
  claims_of[token] = claims
  return claims
end

-- Which of these a token holds, by key: when its lease ends.
local function held_by(token)
  local held = {}
  local claims = holdings(token)
  for c = 1, #claims do
    local ends, keys = claims[c].ends, claims[c].keys
    for i = 1, #keys do held[keys[i]] = ends end
  end
  return held
end

-- Takes these (a set) from what a token holds. `write_holdings` is still to come.
local function let_go(token, gone)
  local claims = holdings(token)
  for c = 1, #claims do
    local kept, keys = {}, claims[c].keys
    for i = 1, #keys do
      if not gone[keys[i]] then kept[#kept + 1] = keys[i] end
    end
    claims[c].keys = kept
  end
end

-- Writes what a token holds, and ends the timers of claims of which nothing is left.
local function write_holdings(token)
  local claims, left, pieces, ended = claims_of[token], {}, {}, {}
  for c = 1, #claims do
    local claim = claims[c]
    if #claim.keys > 0 then
      left[#left + 1] = claim
      pieces[#pieces + 1] = pack('>I8I8I4', claim.ends, claim.number, #claim.keys)
      pieces[#pieces + 1] = concat(claim.keys)
    else
      ended[#ended + 1] = 'L' .. token .. pack('>I8', claim.number)
    end
  end
  claims_of[token] = left
  if #left > 0 then
    call('HSET', LEASES, token, concat(pieces))
  else
    call('HDEL', LEASES, token)
  end
  write('ZREM', TIMERS, ended)
end

-- What falls due: leases end, containers that were put back are ready, workers are gone that have not
-- been heard of. Returns the workers whose queue is to be buried.
local function reap()
  local due = call('ZRANGEBYSCORE', TIMERS, '-inf', exact(now), 'LIMIT', 0, CHUNK)
  local graves = {}
  if #due == 0 then return graves end
  local keys, delayed, members, dead, tokens, ending = {}, {}, {}, {}, {}, {}
  for i = 1, #due do
    local kind = sub(due[i], 1, 1)
    if kind == 'W' then
      dead[#dead + 1] = due[i]
    elseif #keys < CHUNK then
      members[#members + 1] = due[i]
      if kind == 'D' then
        keys[#keys + 1] = sub(due[i], 10, 17)
        delayed[#keys] = true
      else
        local token, number = sub(due[i], 2, 9), parse('>I8', due[i], 10)
        local claims = holdings(token)
        for c = 1, #claims do
          if claims[c].number == number then
            local held = claims[c].keys
            for k = 1, #held do keys[#keys + 1] = held[k] end
            ending[#ending + 1] = claims[c]
            tokens[token] = true
          end
        end
      end
    end
  end
  local workers = {}
  for i = 1, #dead do workers[i] = parse('>I4', dead[i], 2) end
  load(workers)
  local records = read('HMGET', RECORDS, keys)
  local ready, moved = {}, {}
  for i = 1, #keys do
    local record = records[i]
    if record then
      if delayed[i] then
        M.seq = M.seq + 1
        record = sub(record, 1, 18) .. pack('>I8', M.seq) .. sub(record, 27)
        moved[#moved + 1] = keys[i]
        moved[#moved + 1] = record
      end
      ready_again(ready, keys[i], record)
    end
  end
  write('ZADD', READY, ready)
  if #moved > 0 then
    write('HSET', RECORDS, moved)
    set('next_seq', exact(M.seq))
  end
  for i = 1, #ending do ending[i].keys = {} end
  for token in pairs(tokens) do write_holdings(token) end
  for i = 1, #dead do
    local w, epoch = parse('>I4I4', dead[i], 2)
    local s = slots[w]
    if s and s.epoch == epoch then
      if s.status ~= GONE then
        s.status = GONE
        touch(w)
        reported(w)
      end
      -- Its entry stays until it is buried, so that nobody can forget it.
      graves[#graves + 1] = w
    else
      members[#members + 1] = dead[i]
    end
  end
  write('ZREM', TIMERS, members)
  return graves
end

local function answer(...)
  return { ... }
end
