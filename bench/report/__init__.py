"""docs/performance.md and its pictures, from bench/results alone: `python -m bench.report`.

template.md   the page, with a place for each section
hot.py        the routes that matter most, and the budgets
summary.py    the first dozen lines
routes.py     requests, units, bytes, cost by route, before and after
cpu.py        CPU by operation, beside the floor and other shops
growth.py     a thousand and a million rows behind
crowds.py     flash sale, schedules
model.py      what one hot SKU bears by DynamoDB's published limits
rest.py       cold start, cost
pictures.py   what is drawn of all that
words.py      tables and numbers
"""
