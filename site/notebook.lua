-- What a page made from a notebook has besides the notebook: the way to open it; Home gets its first screen.

local function link(text, target, attributes)
  attributes = attributes or {}
  attributes["data-noresolveinput"] = ""
  return pandoc.Link({ pandoc.Str(text) }, target, "", attributes)
end

-- The first screen of Home: words and doors to the left, the picture of a page being read to the right.
local function first_screen(blocks)
  local words, picture, rest = {}, {}, {}
  local seen = false
  for _, block in ipairs(blocks) do
    seen = seen or (block.t == "Header" and block.level == 2)
    if seen then
      table.insert(rest, block)
    elseif block.t == "Figure" or block.t == "Para" and block.content[1].t == "Image" then
      table.insert(picture, block)
    elseif block.t == "BulletList" then
      table.insert(words, pandoc.Div({ block }, { class = "doors" }))
    else
      table.insert(words, block)
    end
  end
  table.insert(picture, pandoc.Para({
    link("Draw something and see it read", "../draw/index.html", { class = "btn btn-primary" }), pandoc.Space(),
    link("Look at pages it read", "18_gallery.html", { class = "btn btn-outline-primary" }),
  }))
  local first = pandoc.Div({ pandoc.Div(words), pandoc.Div(picture) }, { class = "first-screen" })
  return { first, table.unpack(rest) }
end

local function open_it(file)
  return pandoc.Div({ pandoc.Para({
    pandoc.Str("Open this notebook: "),
    link(file, "../notebooks/" .. file, { download = "" }),
    pandoc.Str(", or "),
    pandoc.Code("jupyter lab nbs/" .. file),
    pandoc.Str(" in a checkout."),
  }) }, { class = "notebook-link" })
end

function Pandoc(document)
  local file = pandoc.path.filename(quarto.doc.input_file)
  if not file:match("%.ipynb$") then return nil end
  if file ~= "index.ipynb" then
    document.blocks:insert(1, open_it(file))
    return document
  end
  document.blocks = first_screen(document.blocks)
  return document
end
