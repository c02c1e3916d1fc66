-- Sorts, formats, matches and calls: what scripts do.
local rounds = tonumber(arg[1]) or 1

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local numbers = {}
for round = 1, rounds do
  for i = 1, 20000 do numbers[i] = (i * 7919 + round) % 10007 end
  table.sort(numbers)
  local words = {}
  for i = 1, 2000 do
    words[#words + 1] = string.format("%d:%s", numbers[i], ("x"):rep(i % 7))
  end
  local sum = 0
  for word in table.concat(words, ","):gmatch("%d+") do sum = sum + tonumber(word) end
  print(sum, fib(20))
end
