module rategate/bench/peer

go 1.24
