"""`make wechat-check`: proves a merchant's settings against the real platform and explains what is wrong.

    forms.py        what can be said of the settings alone
    pay_side.py     WeChat Pay: clock, signatures, encryption, certificates
    app_side.py     the mini-program: its secret, its permission to report deliveries
    finding.py      what each step says

It moves no money, changes nothing at the platform, and shows no secret.
"""
