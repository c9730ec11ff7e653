"""The alarms that the shop names in its log, each with what happened. docs/alarms.md says what to do."""

NAMED = {
    "refund_stuck": "a refund does not get through",
    "refund_mismatch": "WeChat speaks of another amount under a refund's number",
    "refund_failed": "refunds fail again and again",
    "payment_mismatch": "a payment of another amount, payer or account",
    "paid_late": "money came for a closed order",
    "paid_twice": "money came a second time",
    "trade_state": "a trade that the shop cannot explain",
    "money_difference": "the money of an order does not add up",
    "close_failed": "unpaid orders cannot be closed",
    "reconciliation": "a bill disagrees with the books, or cannot be read",
    "order_unsent": "paid and not sent in time",
    "order_failed": "jobs of orders fail again and again",
    "effects_failed": "effects of orders fail again and again",
    "group_failed": "jobs of groups fail again and again",
    "coupon_failed": "jobs of coupons fail again and again",
    "aftersale_failed": "jobs of after-sale cases fail again and again",
    "shipping_stuck": "WeChat refuses the report of a delivery",
    "shipping_late": "a delivery was not reported for days",
    "shipping_failed": "reports of deliveries fail again and again",
    "tracking_failed": "a carrier cannot be asked",
    "parcel_trouble": "a parcel is lost, refused or coming back",
    "aftersale_unsent": "a replacement is owed and not sent",
    "aftersale_refund": "a case and its refund disagree",
    "return_address": "a return was agreed to and nobody said where to",
    "wechat_pay_misconfigured": "WeChat Pay refuses the shop's settings: nobody can pay",
    "wechat_certificates": "platform certificates cannot be fetched",
    "wechat_warns": "WeChat limits the shop or warns it",
    "settings": "settings or secrets cannot be read again",
    "data_key_missing": "a data key is gone: sealed texts do not open",
}

AT_ONCE = {"refund_mismatch", "payment_mismatch", "money_difference", "wechat_pay_misconfigured", "data_key_missing"}
"""Nobody can pay, somebody else uses the keys, or the books are wrong."""

REPEATED = {
    "refund_failed",
    "close_failed",
    "order_failed",
    "effects_failed",
    "group_failed",
    "coupon_failed",
    "aftersale_failed",
    "shipping_failed",
    "tracking_failed",
}
"""Tried again in minutes: they ring when it happened three times in a quarter of an hour."""
