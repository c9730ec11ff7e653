"""The contract, `miniprogram-api.yaml` (OpenAPI 3.1), written from what the routes declare. `make contract` runs it.

document.py     the whole document: introduction, servers, tags, paths, components
operations.py   one endpoint: parameters, request, answers
refusals.py     what each endpoint can refuse, by status
schemas.py      the shapes of requests and answers, and examples of them
doors.py        which module declares which path, for the app
introduction.md what holds for all routes, for people
"""

from .document import CONTRACT, contract_text, document

__all__ = ["CONTRACT", "contract_text", "document"]
