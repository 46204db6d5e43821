# sallyport_embed(TARGET NAMESPACE FOLDER FILES...): puts files into the binary, for a FOLDER that has an embedded.h.
# Written while CMake runs, which it does again when one of them changes: a build step would make every object of the
# target wait for all that it links.
function(sallyport_embed target namespace folder)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${target}_embedded.cc)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  file(RELATIVE_PATH header ${CMAKE_SOURCE_DIR} ${source}/embedded.h)
  set(entries "")
  foreach(name ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source}/${name})
    file(READ ${source}/${name} content)
    string(APPEND entries "    {\"${name}\", R\"embedded(${content})embedded\"},\n")
  endforeach()
  set(text "#include \"${header}\"

namespace sallyport::${namespace} {
namespace {

constexpr EmbeddedFile kFiles[] = {
${entries}};

}  // namespace

std::span<const EmbeddedFile> embedded_files() noexcept { return kFiles; }

}  // namespace sallyport::${namespace}
")
  set(present "")
  if(EXISTS ${output})
    file(READ ${output} present)
  endif()
  if(NOT present STREQUAL text)
    file(WRITE ${output} "${text}")
  endif()
  target_sources(${target} PRIVATE ${output})
endfunction()
