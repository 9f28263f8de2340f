# Writes OUTPUT: TEMPLATE with what PROGRAM says of its settings.
execute_process(COMMAND ${PROGRAM} --print-settings-manual
  OUTPUT_VARIABLE SETTINGS OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
