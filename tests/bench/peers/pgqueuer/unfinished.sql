select count(*) from pgqueuer
