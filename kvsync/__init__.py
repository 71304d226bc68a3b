"""kvsync: plan and push whole bundles of keys into Tencent Cloud EdgeOne EdgeKV."""

__version__ = "0.1.0"
