"""Asked for 请求亮证: a counter or a system asks first, a holder who scans or types the code answers once."""
