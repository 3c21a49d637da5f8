"""Matters 政务服务事项: what the law wants shown for a service, of whom, and when. Data, and pure judgement of it."""
