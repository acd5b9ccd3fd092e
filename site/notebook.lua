-- A page made from a notebook says where the notebook is, so that it can be opened and run.
function Pandoc(document)
  local file = pandoc.path.filename(quarto.doc.input_file)
  if not file:match("%.ipynb$") or file == "index.ipynb" then return nil end
  local link = pandoc.Div({ pandoc.Para({
    pandoc.Str("Open this notebook: "),
    pandoc.Link({ pandoc.Str(file) }, "../notebooks/" .. file, "", { download = "", ["data-noresolveinput"] = "" }),
    pandoc.Str(", or "),
    pandoc.Code("jupyter lab nbs/" .. file),
    pandoc.Str(" in a checkout."),
  }) }, { class = "notebook-link" })
  document.blocks:insert(1, link)
  return document
end
