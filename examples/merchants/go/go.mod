module example.com/payhub-merchant

go 1.19
