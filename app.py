"""The HTTP function. Importing it needs no network, no secret and no setting, since packaging imports it too."""

from chalicelib.addresses.api import routes as addresses
from chalicelib.aftersales.api import routes as aftersales
from chalicelib.campaigns.api import routes as campaigns
from chalicelib.campaigns.bargain.api import routes as bargain
from chalicelib.campaigns.groupbuy.api import routes as groupbuy
from chalicelib.cart.api import routes as cart
from chalicelib.catalog.api import routes as catalog
from chalicelib.coupons.api import routes as coupons
from chalicelib.events.api import routes as events
from chalicelib.fulfilment.api import routes as fulfilment
from chalicelib.identity.api import routes as identity
from chalicelib.messaging.api import routes as messaging
from chalicelib.orders.api import routes as orders
from chalicelib.payments.api import routes as payments
from chalicelib.pickup.api import routes as pickup
from chalicelib.points.api import routes as points
from chalicelib.pricing.api import routes as pricing
from chalicelib.reconciliation.api import routes as reconciliation
from chalicelib.shop import open_shop
from chalicelib.web.app import ShopApp
from functions.aftersales import jobs as aftersale_jobs
from functions.campaigns import jobs as campaign_jobs
from functions.coupons import jobs as coupon_jobs
from functions.fulfilment import jobs as fulfilment_jobs
from functions.orders import jobs as order_jobs
from functions.reconciliation import jobs as reconciliation_jobs
from functions.streams import records as stream_records
from functions.wechat import jobs as wechat_jobs

app = ShopApp(app_name="jishi", open_shop=open_shop)
for routes in (
    identity, addresses, catalog, pricing, cart, orders, payments, pickup, fulfilment, aftersales, coupons, points,
    messaging, campaigns, groupbuy, bargain, reconciliation, events,
):  # fmt: skip
    app.register_blueprint(routes)
for jobs in (
    order_jobs, fulfilment_jobs, aftersale_jobs, campaign_jobs, coupon_jobs, reconciliation_jobs, wechat_jobs,
    stream_records,
):  # fmt: skip
    app.register_blueprint(jobs)
