-- n-queens, a new board for each step: arrays of a few slots.
local size = 8
local scale = ...

local function fits(board, row, column)
  for r = 1, row - 1 do
    local c = board[r]
    if c == column or c - r == column - row or c + r == column + row then return false end
  end
  return true
end

local function place(board, row)
  if row > size then return 1 end
  local n = 0
  for column = 1, size do
    if fits(board, row, column) then
      local next_board = { table.unpack(board) }
      next_board[row] = column
      n = n + place(next_board, row + 1)
    end
  end
  return n
end

for _ = 1, scale do assert(place({}, 1) == 92) end
