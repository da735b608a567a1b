select count(*) from pgmq.q_noop
