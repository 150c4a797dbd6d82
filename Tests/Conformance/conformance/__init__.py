"""An independent WeCom AI Bot gateway that checks any bot program against the contract of `echo-bot`."""
