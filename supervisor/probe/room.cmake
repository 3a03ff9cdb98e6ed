# Asks services how they are. libcurl's headers only: the library is opened at the first HTTP attempt.
stackup_room(probe
	SOURCES prober.c identity.c dial.c tcp.c command.c http.c http_judge.c http_loop.c curl_calls.c
		notify.c
	ROOMS base model loop
	LIBS lib_ev lib_curl_headers ${CMAKE_DL_LIBS})
