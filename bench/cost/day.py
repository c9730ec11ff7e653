"""A day of a shop, in visits for each order that is paid. Put in your own shop's figures and run `make cost`."""

# Visits as docs/requests.md names them, and how often each happens for one paid order.
PER_ORDER: dict[str, float] = {
    "POST /login a member": 6,
    "GET /me": 6,
    "GET /categories": 6,
    "GET /products 20 of all": 20,
    "GET /products of a category": 20,
    "GET /products/{product_id}": 40,
    "POST /cart/lines a third SKU": 3,
    "GET /cart 3 lines": 6,
    "POST /orders/preview two lines, coupon, address": 2,
    "POST /orders two lines, coupon": 1.25,
    "POST /orders/{order_id}/payment first": 1.15,
    "POST /orders/{order_id}/cancel payment begun, with a coupon": 0.05,
    "POST /wechat/pay/notify paid": 1,
    "POST /wechat/pay/notify paid, heard before": 0.05,
    "POST /wechat/pay/notify refunded": 0.04,
    "GET /orders 20 of all": 4,
    "GET /orders/{order_id}": 4,
    "POST /orders/{order_id}/aftersales a return of what was received": 0.04,
    "on_order_change an order was placed": 1.25,
    "on_order_change an order of two products was paid": 0.5,
    "on_order_change paid, and the shopper wants to be told": 0.5,
    "close_unpaid one order, its payment begun": 0.2,
    "upload_shipping one order that was sent whole": 1,
    "track_parcels one parcel, on its way": 8,
    "receive_orders one order": 0.6,
    "finish_orders one order": 1,
    "advance_refunds one refund to be sent": 0.04,
    "move_cases_on one that nobody decided": 0.01,
    "expire_coupons one coupon": 0.5,
    "remind_of_coupons one coupon, with consent": 0.3,
    "GET /staff/orders/to-ship one order and more": 0.1,
    "POST /staff/orders/{member_id}/{order_id}/parcels all of it": 1,
}

# How often a schedule comes in a day, by Chalice's rate.
MINUTES_OF_A_DAY = 24 * 60

# What is kept for each order, all tables and indexes, and for how long the shop has been at it.
KB_PER_ORDER = 14
MONTHS_KEPT = 12

# How long a request takes, for Lambda's bill: our CPU (or, once `make bench PARTS=cpu` has measured it, the median of
# that), the waits for DynamoDB and for WeChat. Milliseconds. Requests that are sent together are waited for once.
# DynamoDB's are published medians from Lambda: 7.6 for a single item, 25 for a transaction of five.
BASE_MS, REQUEST_MS, TRANSACTION_MS, WECHAT_MS = 15, 8, 25, 80

# Bytes that an answer has besides its body on the way out, and of log lines, for each request.
HEADER_BYTES, LOG_BYTES = 900, 900

# Instances of the HTTP function that live through a day, for each 10,000 requests; each reads the secret at its start,
# and every five minutes while it is busy.
INSTANCE_HOURS_PER_10K = 0.2

# X-Ray's default: the first request of each second, and one in twenty of the others.
TRACED = 0.05
