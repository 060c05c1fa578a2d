-- The rules of the world. The host loads this file when it starts, and again whenever it
-- changes: `world` stays as it is, what the file returns is new.

local rules = {}

local function place(body, name, mass, x, y, dx, dy)
  body.name, body.mass = name, mass
  body.at, body.speed = { x = x, y = y }, { x = dx, y = dy }
end

--- Called once, before the first frame.
function rules.start()
  world.pull = 1
  place(world.body[0], "sun", 100, 0, 0, 0, 0)
  place(world.body[1], "earth", 1, 10, 0, 0, 3)
  place(world.body[2], "comet", 0.01, 0, -25, 2.4, 0)
  world.count = 3
end

--- Called each frame, as a C function: moves the bodies on by `dt` seconds.
function rules.step(w, weather, dt)
  for i = 1, w.count - 1 do
    local b, sun = w.body[i], w.body[0]
    local dx, dy = sun.at.x - b.at.x, sun.at.y - b.at.y
    local r2 = dx * dx + dy * dy
    local a = w.pull * sun.mass / (r2 * math.sqrt(r2))
    b.speed.x = b.speed.x + (a * dx + weather.wind[i]) * dt
    b.speed.y = b.speed.y + a * dy * dt
    b.at.x = b.at.x + b.speed.x * dt
    b.at.y = b.at.y + b.speed.y * dt
  end
end

return rules
