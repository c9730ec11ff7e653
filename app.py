"""The HTTP function. Importing it needs no network, no secret and no setting, since packaging imports it too.

A domain's routes are imported at the first request to one of them; where start-up delays nobody, all are at once.
"""

from chalicelib.settings import ahead_of_traffic
from chalicelib.shop import open_shop
from chalicelib.web.app import ShopApp
from chalicelib.web.doors import DOORS
from functions.aftersales import jobs as aftersale_jobs
from functions.campaigns import jobs as campaign_jobs
from functions.coupons import jobs as coupon_jobs
from functions.fulfilment import jobs as fulfilment_jobs
from functions.orders import jobs as order_jobs
from functions.reconciliation import jobs as reconciliation_jobs
from functions.release import jobs as release_jobs
from functions.streams import records as stream_records
from functions.wechat import jobs as wechat_jobs

DOMAINS = (
    "identity", "addresses", "catalog", "stock", "pricing", "cart", "orders", "payments", "pickup", "fulfilment",
    "aftersales", "coupons", "points", "messaging", "campaigns", "campaigns.groupbuy", "campaigns.bargain",
    "reconciliation", "events",
)  # fmt: skip
"""Those with routes, in the order of the contract."""

app = ShopApp("jishi", open_shop, [f"chalicelib.{domain}.api" for domain in DOMAINS], DOORS)
for jobs in (
    order_jobs, fulfilment_jobs, aftersale_jobs, campaign_jobs, coupon_jobs, reconciliation_jobs, wechat_jobs,
    stream_records, release_jobs,
):  # fmt: skip
    app.register_blueprint(jobs)
if ahead_of_traffic():
    app.prepare()
