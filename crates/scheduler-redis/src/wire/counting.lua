
end
-- What follows every script, and calls it. `call` counts; a call that fails ends the script, and has been
-- counted if the server ran it. What it turned away unread it does not count either.
local server, calls = redis, 0
local turned_away = {
  'OOM ', 'READONLY ', 'NOPERM ', 'MISCONF ', 'NOREPLICAS ', 'ERR The user executing the script ',
  'ERR Unknown ', 'ERR Wrong number of args '
}
local function call(...)
  local reply = server.pcall(...)
  calls = calls + 1
  if type(reply) == 'table' and reply.err then
    for _, beginning in ipairs(turned_away) do
      if string.sub(reply.err, 1, #beginning) == beginning then
        calls = calls - 1
      end
    end
    error(reply)
  end
  return reply
end
-- Redis hands a pcall the text of an error, whatever it was raised with. The server's own begin with a
-- code, Lua's with a place.
local ok, reply = pcall(script, call)
if ok then return {calls, reply} end
if not string.match(reply, '^%u+ ') then reply = 'ERR ' .. reply end
return {calls, {err = reply}}
