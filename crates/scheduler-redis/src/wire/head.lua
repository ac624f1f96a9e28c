-- What stands before every script, joined to one line so that line numbers in errors are the script's own.
-- A script has no way to the server but `call`, which counts; by the name `redis` it is out of reach.
-- A call that fails ends the script, and has been counted if the server ran it. Those that it turned away
-- unread are not counted, as the server does not count them either.
local calls = 0
local redis, call = nil, (function(server)
  local turned_away = {
    'OOM ', 'READONLY ', 'NOPERM ', 'MISCONF ', 'NOREPLICAS ', 'ERR The user executing the script ',
    'ERR Unknown ', 'ERR Wrong number of args '
  }
  return function(...)
    local reply = server.pcall(...)
    calls = calls + 1
    if type(reply) == 'table' and reply.err then
      for _, beginning in ipairs(turned_away) do
        if string.sub(reply.err, 1, #beginning) == beginning then calls = calls - 1 end
      end
      error(reply)
    end
    return reply
  end
end)(redis)
local function script()
