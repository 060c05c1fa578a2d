-- The ratios as a picture: a bar for each peer of each row, in an SVG that needs nothing
-- but a browser. The axis is logarithmic, so that half and twice are equally far from 1.

local plot = {}

local bar, gap, left, width, right, top = 9, 9, 150, 560, 70, 56
local least, most = .2, 20
local colors = { strict = "#9aa5b1", moonpool = "#1f6feb", luajit = "#d97706", cffi = "#2f9e6e" }

local function escaped(text)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ["\""] = "&quot;" }))
end

-- Where a ratio lies; what is off the axis is drawn at its end.
local function place(ratio)
  local clipped = math.min(math.max(ratio, least), most)
  return left + width * math.log(clipped / least) / math.log(most / least)
end

local function text(x, y, content, more)
  return ("<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>"):format(x, y, more or "", escaped(content))
end

local function line(x1, y1, x2, y2, color, stroke)
  return ("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"%g\"/>")
    :format(x1, y1, x2, y2, color, stroke)
end

local function legend(out, peers)
  local x = left
  for _, peer in ipairs(peers) do
    out[#out + 1] = ("<rect x=\"%d\" y=\"26\" width=\"10\" height=\"10\" fill=\"%s\"/>")
      :format(x, colors[peer.name])
    out[#out + 1] = text(x + 15, 35, peer.title)
    x = x + 32 + 7 * #peer.title
  end
  out[#out + 1] = line(x, 25, x, 37, "#c62828", 2)
  out[#out + 1] = text(x + 6, 35, "to reach")
end

local function axis(out, bottom)
  for _, tick in ipairs { .2, .5, 1, 2, 5, 10, 20 } do
    local x = place(tick)
    out[#out + 1] = line(x, top - 4, x, bottom, tick == 1 and "#444" or "#ddd", tick == 1 and 1.5 or 1)
    out[#out + 1] = text(x, bottom + 14, ("%g×"):format(tick), " text-anchor=\"middle\"")
  end
end

-- The bars of one row, from `y` on; returns where the next one starts. The numbers come last,
-- with a rim of white, so that they can be read on lines.
local function bars(out, row, peers, y)
  local first, labels = y, {}
  for _, peer in ipairs(peers) do
    local ratio = row.ratios[peer.name]
    if ratio then
      local from, to = place(1), place(ratio)
      out[#out + 1] = ("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>")
        :format(math.min(from, to), y, math.max(math.abs(to - from), 1), bar - 1, colors[peer.name])
      labels[#labels + 1] = text(math.max(from, to) + 4, y + bar - 1.5, ("%.2f"):format(ratio),
        " font-size=\"8.5\" paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"3\"")
      y = y + bar
    end
  end
  out[#out + 1] = text(left - 8, (first + y) / 2 + 4, row.name, " text-anchor=\"end\"")
  if row.reach then
    local x = place(row.reach)
    out[#out + 1] = line(x, first - 2, x, y + 1, "#c62828", 2)
  end
  table.move(labels, 1, #labels, #out + 1, out)
  return y + gap
end

--- Draws rows of { name =, ratios = { by peer }, reach = ratio or nil } for `peers`, each with
--- a name and a title; returns the SVG's text.
function plot.draw(title, rows, peers)
  local body = {}
  local y = top + 4
  for _, row in ipairs(rows) do y = bars(body, row, peers, y) end
  local out = {
    ("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "):format(
      left + width + right, y + 24) .. "font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\">",
    "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
    text(left, 16, title, " font-size=\"13\" font-weight=\"bold\""),
  }
  legend(out, peers)
  axis(out, y)
  table.move(body, 1, #body, #out + 1, out)
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

return plot
