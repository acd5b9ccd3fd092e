-- What a page made from a notebook has besides the notebook: the way to open it; on the home page, the ways on.

local function link(text, target, attributes)
  attributes = attributes or {}
  attributes["data-noresolveinput"] = ""
  return pandoc.Link({ pandoc.Str(text) }, target, "", attributes)
end

local function ways_on()
  return pandoc.Div({ pandoc.Para({
    link("Learn how it works", "learning_path.html", { class = "btn btn-primary" }), pandoc.Space(),
    link("Draw and see it read", "../draw/index.html", { class = "btn btn-outline-primary" }), pandoc.Space(),
    link("Look at pages it read", "18_gallery.html", { class = "btn btn-outline-primary" }),
  }) }, { class = "ways-on" })
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
  for i, block in ipairs(document.blocks) do -- before the first section
    if block.t == "Header" and block.level == 2 then
      document.blocks:insert(i, ways_on())
      return document
    end
  end
end
