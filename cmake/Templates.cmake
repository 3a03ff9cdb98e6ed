# cmake -DFILES="a.ini;b.ini" -DOUTPUT=templates_data.c -P Templates.cmake: the texts of stackfiles/ as C.
set(rows "")
foreach(file IN LISTS FILES)
	get_filename_component(name ${file} NAME_WE)
	file(READ ${file} text)
	string(REPLACE "\\" "\\\\" text "${text}")
	string(REPLACE "\"" "\\\"" text "${text}")
	string(REPLACE "\n" "\\n\"\n\t\t\"" text "${text}")
	string(APPEND rows "\t{\"${name}\",\n\t\t\"${text}\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"stackfile/templates.h\"\n\nconst struct template template_rows[] = {\n${rows}};\n"
	"const size_t template_count = sizeof template_rows / sizeof template_rows[0];\n")
