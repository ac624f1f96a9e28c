-- After the server was set back, or when it has just registered, a worker says what it runs and what has
-- finished: the books are made to agree with it.
--
-- ARGV[4] its key, [5] its epoch, [6] its name, [7] the place up to which it has fetched, [8] workers of
--         the queues that are declared besides its own (4 each), [9] for how many microseconds it is there,
--         or 0: until it is removed, [10] how many run; then for each of those name and record without the
--         seq and the time; then the names of the finished
-- KEYS after the fixed ones: its queue, and those of ARGV[8]
-- OK, the place up to which it has now fetched, how many were adopted, names of the lost, names of strays
-- (they are elsewhere: end them). QUEUES, workers (4 each): declare their queues as well. UNKNOWN.
-- UNWANTED, the place up to which it has acknowledged, names of strays: it is not asked for a report, or
-- has made it and did not hear so.
time()
local stop = guard('next_container')
if stop then return answer(stop, M.incarnation) end
local w = tonumber(ARGV[4])
local s = slot(w)
if not s or s.status == GONE or s.epoch ~= tonumber(ARGV[5]) then return answer('UNKNOWN') end
local own = KEYS[QUEUE + 1]
local queues = { [w] = own }
for i = 1, #ARGV[8] / 4 do
  queues[parse('>I4', ARGV[8], 4 * i - 3)] = KEYS[QUEUE + 1 + i]
end
-- Each name once; what runs has not finished.
local names, texts, once = {}, {}, {}
local function say(name, text)
  if once[name] then return end
  once[name] = true
  names[#names + 1] = name
  texts[#names] = text
end
local last = 10 + 2 * tonumber(ARGV[10])
for i = 11, last, 2 do say(ARGV[i], ARGV[i + 1]) end
local running = #names
for i = last + 1, #ARGV do say(ARGV[i]) end
local keys = read('HMGET', NAMES, names)
if not waits_for(w) and s.containers > 0 then
  local strays, asked = {}, {}
  for i = 1, running do asked[i] = keys[i] or '' end
  local places = read('ZMSCORE', own, asked)
  for i = 1, running do
    if not places[i] then strays[#strays + 1] = names[i] end
  end
  return answer('UNWANTED', call('HGET', ACKED, w) or '0', strays)
end
local known, of = {}, {}
for i = 1, #names do
  if keys[i] then
    known[#known + 1] = keys[i]
    of[keys[i]] = #known
  end
end
local records = read('HMGET', RECORDS, known)
local owners = read('HMGET', OWNERS, known)
local missing, asked = {}, {}
for i = 1, #known do
  local owner = tonumber(owners[i] or nil)
  if owner and not queues[owner] and not asked[owner] then
    asked[owner] = true
    missing[#missing + 1] = pack('>I4', owner)
  end
end
if #missing > 0 then return answer('QUEUES', concat(missing)) end

-- Where the database has them. Nobody knows the queues when no recovery is under way, nor who holds what
-- is leased: what is neither its own nor in the backlog is somebody else's.
local queue = call('ZRANGE', own, 0, -1, 'WITHSCORES')
local owned, listed = {}, {}
for i = 1, #queue, 2 do
  owned[#owned + 1] = queue[i]
  listed[queue[i]] = true
end
local owned_records = read('HMGET', RECORDS, owned)
local members = {}
for i = 1, #known do members[i] = sub(records[i] or '', 19, 26) .. known[i] end
local scores = read('ZMSCORE', READY, members)
local unready, elsewhere, strays, is_stray = {}, {}, {}, {}
for i = 1, #known do
  local owner = tonumber(owners[i] or nil)
  if scores[i] then
    unready[#unready + 1] = members[i]
  elseif not listed[known[i]] then
    local place = owner and tonumber(call('ZSCORE', queues[owner], known[i]) or nil)
    local other = place and slot(owner)
    local fetched = place and tonumber(call('HGET', FETCHED, owner) or '0')
    -- A worker that is gone runs nothing.
    if not place or place <= fetched and other.status ~= GONE and not waits_for(owner) then
      is_stray[known[i]] = true
    else
      elsewhere[#elsewhere + 1] = { owner, known[i], records[i] }
    end
  end
end

-- From here on it writes.
write('ZREM', READY, unready)
for i = 1, #elsewhere do
  local owner, key, record = unpack(elsewhere[i])
  local other = slot(owner)
  call('ZREM', queues[owner], key)
  charge(other, record, -1)
  other.version = other.version + 1
  touch(owner)
end
s.cpu, s.memory, s.gpus, s.containers = 0, 0, 0, 0
local container = tonumber(M.more[1])
local came = pack('>I8', now)
local entries, new_names, new_records, new_owners, kept, adopted = {}, {}, {}, {}, {}, 0
for i = 1, running do
  local key = keys[i]
  if key and is_stray[key] then
    strays[#strays + 1] = names[i]
  else
    local record = key and records[of[key]]
    M.seq = M.seq + 1
    if not key then
      container = container + 1
      key = pack('>I8', container)
      record = sub(texts[i], 1, 18) .. pack('>I8', M.seq) .. came
        .. sub(texts[i], 19)
      new_names[#new_names + 1] = names[i]
      new_names[#new_names + 1] = key
      new_records[#new_records + 1] = key
      new_records[#new_records + 1] = record
    end
    if not listed[key] then adopted = adopted + 1 end
    kept[key] = true
    entries[#entries + 1] = exact(M.seq)
    entries[#entries + 1] = key
    new_owners[#new_owners + 1] = key
    new_owners[#new_owners + 1] = w
    charge(s, record, 1)
  end
end
-- What it runs comes first, so that one place tells what it has fetched.
local cursor = exact(M.seq)
-- Its own word counts: an answer that handed something out may never have come.
local fetched = tonumber(ARGV[7])
local gone, gone_records, lost = {}, {}, {}
local finished = {}
for i = running + 1, #names do
  local key = keys[i]
  if key and not is_stray[key] and not kept[key] and not finished[key] then
    finished[key] = true
    gone[#gone + 1] = key
    gone_records[#gone_records + 1] = records[of[key]]
  end
end
for i = 1, #owned do
  local key, record = owned[i], owned_records[i]
  if not kept[key] and not finished[key] then
    if tonumber(queue[2 * i]) <= fetched then
      lost[#lost + 1] = name_of(record)
      gone[#gone + 1] = key
      gone_records[#gone_records + 1] = record
    else
      M.seq = M.seq + 1
      entries[#entries + 1] = exact(M.seq)
      entries[#entries + 1] = key
      charge(s, record, 1)
    end
  end
end
call('DEL', own)
write('ZADD', own, entries)
write('HSET', NAMES, new_names)
write('HSET', RECORDS, new_records)
if M.unreported > 0 then
  write('HSET', OWNERS, new_owners)
  write('HDEL', OWNERS, gone)
end
lose(ARGV[6], lost)
forget(gone, gone_records)
call('HSET', FETCHED, w, cursor)
call('HSET', ACKED, w, cursor)
local timer = 'W' .. pack('>I4I4', w, s.epoch)
if tonumber(ARGV[9]) > 0 then
  call('ZADD', TIMERS, exact(now + tonumber(ARGV[9])), timer)
else
  call('ZREM', TIMERS, timer)
end
s.version = s.version + 1
touch(w)
reported(w)
set('next_seq', exact(M.seq))
set('next_container', exact(container))
finish()
return answer('OK', cursor, adopted, lost, strays)
