# slipway_python_test(LABEL FILE class...): each class of the file is a test of its own, so that they run beside each other.
# Exit code 77 means that the test was skipped. They drive the real binary; a site of their own each, on free ports.
function(slipway_python_test label file)
  get_filename_component(stem ${file} NAME_WE)
  foreach(class ${ARGN})
    set(name ${stem}.${class})
    add_test(NAME ${name} COMMAND /usr/bin/python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${class})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 900 SKIP_RETURN_CODE 77
      ENVIRONMENT "SLIPWAY=$<TARGET_FILE:slipway>;SLIPWAY_STATIC=${CMAKE_BINARY_DIR}/slipway_static;FAKE_SLURM=${CMAKE_BINARY_DIR}/fake_slurm")
  endforeach()
endfunction()
