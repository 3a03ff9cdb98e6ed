# How an instance gets its ports, moves them, keeps them reserved and gives them back.
stackup_room(claim
	SOURCES aside.c avoid.c block_owner.c check.c choose.c claim.c clone.c end.c enroll.c forget.c free.c leased.c
		move.c pool.c ports.c preview.c project.c reserve.c reset.c restore.c troubles.c worktree.c write.c
	ROOMS base model registry listeners orphans ports)
