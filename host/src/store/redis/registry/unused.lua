-- Removes a module unless a record names it. Its one argument is a JSON object, built by sweep.rs.
local ask = cjson.decode(ARGV[1])
local call = redis.call

for _, name in ipairs(call('SMEMBERS', ask.names)) do
  local record = call('GET', ask.record .. name)
  if record and string.find(record, ask.digest, 1, true) then
    return 0
  end
end
call('SREM', ask.modules, ask.digest)
return call('UNLINK', ask.module)
