-- Drops dead letters of a lane, or has it try them again. Its one argument is a JSON object, built by letters.rs. Gives how
-- many of them there were.
local ask = cjson.decode(ARGV[1])
local call = redis.call

-- Another may have the generation's number by now, and letters of its own. Earlier versions did not write down when it began.
local begun = call('HGET', ask.generation, 'begun')
if begun and begun ~= ask.begun then
  return 0
end
local found = 0
for _, number in ipairs(ask.numbers) do
  if call('HEXISTS', ask.dead, number) == 1 then
    found = found + 1
    if ask.discards then
      call('HDEL', ask.dead, number)
      call('SREM', ask.retry, number)
    else
      call('SADD', ask.retry, number)
    end
  end
end
if found > 0 then
  -- Whoever runs the lane knows its letters as they were: it can't commit any more, and begins anew. So does one that had
  -- stopped because it had no room for more.
  if call('EXISTS', ask.lane) == 1 then
    call('HINCRBY', ask.lane, 'letters', 1)
  end
  call('HDEL', ask.faults, ask.fault)
  call('XADD', ask.history, 'MAXLEN', '~', '10000', '*', unpack(ask.entry))
  call('PUBLISH', ask.channel, ask.name)
end
return found
