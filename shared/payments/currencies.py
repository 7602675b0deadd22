"""How many decimals the sums of a currency have. Made by `make locks`; change nothing here.

The codes of ISO 4217 that are in use or were withdrawn since 2016, as what was paid before that may
be billed or given back after it. Without those that have no minor unit: metals, the IMF's, a test's
(XTS) and no currency (XXX).

Source: https://www.six-group.com/en/products-services/financial-information/data-standards.html
"""

_CODES = {
    0: "BIF BYR CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP "
        "BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR "
        "FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR "
        "KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRO MRU MUR MVR MWK MXN MXV "
        "MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG "
        "SEK SGD SHP SLE SLL SOS SRD SSP STD STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
        "USD USN UYU UZS VED VEF VES WST XAD XCD XCG YER ZAR ZMW ZWG ZWL "
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

MOST_DECIMALS = max(_CODES)


def decimals(code: str) -> int | None:
    """Of a currency by its code of three capital letters; None if it is no currency of these."""
    return next((places for places, codes in _CODES.items() if code in codes.split()), None)
