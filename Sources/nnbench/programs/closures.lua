local function counter()
  local n = 0
  return function(k)
    n = n + k
    return n
  end
end
local add = counter()
local s = 0
for i = 1, 5000000 do s = add(i) end
print(string.format("%d", s))
