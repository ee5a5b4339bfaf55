# SPDX-License-Identifier: MIT
"""What the stand-in has besides files: links, processors, numbers."""
import json
import time


def link(handler, query, fid=None):
    order = json.loads(handler.body())
    if fid is not None and handler.find(fid) is None:
        return
    handler.stub().orders.append(order)
    handler.answer(201, {"url": "/files%s?expires=1&signature=s" % (
        "/" + fid if fid else "")})


def process(handler, query, *args):
    """`upper` is a processor, `broken` one that fails, and `slow` says
    nothing for so long that content would be given up."""
    *fid, name = args
    f = handler.find(fid[0]) if fid else None
    data = f.data if f else handler.body()
    if name == "slow":
        time.sleep(4)
    if name == "broken":
        handler.answer(502, {
            "type": "/problems/processor-failed",
            "detail": "the processor 'broken' failed.",
            "stderr": "it said: \x1b[2J\nand so on\n"},
            (), "application/problem+json")
    elif name not in ("upper", "slow"):
        handler.problem(404, "no-processor", "there is no processor")
    elif handler.headers.get("Prefer") == "respond-async":
        made = handler.stub().add(handler.stub().new_id(), data.upper(), "out")
        handler.answer(202, made.descriptor())
    else:
        handler.answer(200, data.upper(), (), "text/plain")


def processors(handler, query):
    handler.answer(200, {"processors": [{"name": "upper", "timeout": 10},
                                        {"name": "broken"}]})


def metrics(handler, query):
    handler.answer(200, handler.stub().numbers.encode(), (), "text/plain")
