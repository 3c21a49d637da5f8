"""部门台: the console of departments, consumers and operators. Server-rendered, whole without JavaScript.

A page group is one module with a `router` and the templates under `hub/web/templates/console/`; add it to
`MODULES` in `router.py` and its entries to `GROUPS` in `menu.py` and to `QUEUES` in `queues.py`. A page:

    @router.get("/console/widgets/{widget_id}", response_class=HTMLResponse)
    async def widget(request: Request, widget_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
        found = await hub.widgets.get(actor, widget_id)          # the use case checks the actor, not the page
        return render(request, "console/widget.html", actor, widget=found)

    @router.post("/console/widgets/{widget_id}")
    async def change(request: Request, widget_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
        given = await form(request)                              # body, CSRF token and origin checked
        try:
            await hub.widgets.change(actor, widget_id, given.text("name"))
        except DefinitionError:
            errors = [FieldError("name", "请填写名称", "Enter a name")]
            return render(request, "console/widget.html", actor, widget=…, errors=errors, status=422)
        return redirect(f"/console/widgets/{widget_id}", ("已保存", "Saved"))

- `ConsoleDep` gives the Actor; without a session the visitor is sent to sign in and comes back here.
- `form(request)`: `.text(name)` (stripped, NFC, "" when absent), `.all(name)`, `.checked(name)`. Never read a body
  otherwise: this is where forged posts are refused. Raises ForgeryError, BadRequestError, BodyTooLargeError.
  `upload(request)` reads a multipart form with files in the same way.
- `render(request, template, actor, *, status=200, errors=(), **values)`: templates extend `console/base.html`, fill
  `title` and `main`, and begin with `{% import "console/_macros.html" as ui with context %}`. They have `t(zh, en)`,
  `lang`, `actor`, `csrf`, `errors`, and the filter `beijing` for instants. The error summary is shown by the base.
- `redirect(path, flash)`: 303 after every post that changed something; `flash` is `(zh, en)`, shown once on the next
  page. No names of persons in it. `path` is one of our own: never one from the request without `safe_path`.
- Errors of use cases need no handling in pages: an unknown object, a missing role, a broken rule become a page of
  their own through `hub.problems`.
- Refuse unknown query parameters by declaring the known ones (`hub.deps.known_query` does the rest).
"""

from hub.web.console.forms import FieldError, Form, Upload, form, upload
from hub.web.console.frame import redirect, render
from hub.web.console.view import safe_path
from hub.web.console.visit import ConsoleDep, peer_of

__all__ = ["ConsoleDep", "FieldError", "Form", "Upload", "form", "peer_of", "redirect", "render", "safe_path", "upload"]
