-- Objects with methods, fields added one by one, vectors that live for one expression.
local scale = ...

local Vector = {}
Vector.__index = Vector
local function vector(x, y) return setmetatable({ x = x, y = y }, Vector) end
function Vector.__add(a, b) return vector(a.x + b.x, a.y + b.y) end
function Vector.__mul(a, k) return vector(a.x * k, a.y * k) end
function Vector:length() return (self.x * self.x + self.y * self.y) ^ .5 end

local Account = {}
Account.__index = Account
function Account.new(name)
  local self = setmetatable({}, Account)
  self.name = name
  self.balance = 0
  self.history = {}
  return self
end
function Account:pay(n)
  self.balance = self.balance + n
  self.history[#self.history + 1] = { n, self.balance }
end

local total = 0
for i = 1, scale * 100 do
  local p = vector(0, 0)
  for k = 1, 20 do p = p + vector(k, i) * .5 end
  local account = Account.new(i)
  for k = 1, 10 do account:pay(k) end
  total = total + p:length() + account.balance
end
assert(total > 0)
