# The program that a created container waits in: see stub.py for what it is for and its protocol.
# It is a whole ELF file, headers included; `as` and `objcopy -O binary` turn it into the bytes in stub.py.
#
#   argv: "runf-init" GATE OUTCOME PATH ARG0 [ARG1 ...]        registers that survive system calls:
#         0           8    16      24   32                     rbp &argv[0]   r14 envp   r15 DATA   r13 the call
#                                                              ebx gate fd, then the status to exit with
#                                                              r12d outcome fd  (-1: none)
#   DATA: failure, told, scratch, program, calls (calls.py)
#         0        8     16       24       32
#   call: number, six arguments, indirect, at least, at most, keep at, more, instead, other, next, words, their length
#         0       8              56        64        72       80       88    96       104    112   120    128

        .intel_syntax noprefix
        .set    BASE, 0x400000                  # where the image is mapped: ET_EXEC, so addresses are known
        .set    DATA, 0x500000 + end - image    # where what follows the image is mapped
        .set    READ, 0
        .set    WRITE, 1
        .set    RT_SIGACTION, 13
        .set    EXECVE, 59
        .set    FCNTL, 72
        .set    PRCTL, 157
        .set    EXIT_GROUP, 231
        .set    F_SETFD, 2
        .set    FD_CLOEXEC, 1
        .set    PR_SET_NAME, 15
        .set    SA_RESTORER, 0x04000000         # without it x86 kills the process instead of calling the handler
        .set    SIGTERM, 15
        .set    SIGSET_SIZE, 8
        .set    EINTR, 4
        .set    ENOENT, 2
        .set    EIO, 5

        .text
image:  .byte   0x7f, 'E', 'L', 'F', 2, 1, 1, 0 # Elf64_Ehdr: 64 bits, little endian, version 1
        .quad   0
        .short  2, 62                           # ET_EXEC, EM_X86_64
        .long   1
        .quad   start - image + BASE
        .quad   headers - image
        .quad   0                               # no sections
        .long   0
        .short  64, 56, 3, 0, 0, 0              # three program headers

headers: .long  1, 5                            # PT_LOAD, PF_R | PF_X: one page that nothing can write
        .quad   0, BASE, BASE, end - image, end - image, 0x1000
        .long   1, 6                            # PT_LOAD, PF_R | PF_W: what follows; both sizes are filled in later
        .quad   end - image, DATA, DATA, 0, 0, 0x1000
        .long   0x6474e551, 6                   # PT_GNU_STACK, PF_R | PF_W: a stack that can't be executed
        .quad   0, 0, 0, 0, 0, 16

action: .quad   ended - image + BASE            # struct kernel_sigaction: handler, flags, restorer, mask
        .quad   SA_RESTORER
        .quad   ended - image + BASE            # never returned to
        .quad   0

start:  pop     rax                             # argc
        mov     rbp, rsp
        lea     r14, [rbp + rax * 8 + 8]
        cmp     rax, 5
        jb      refuse

        mov     edi, PR_SET_NAME                # execveat(2) of an fd would leave the fd's number as the name
        mov     rsi, [rbp]
        mov     eax, PRCTL
        syscall

        mov     ebx, SIGTERM                    # as the first process of a pid namespace it would be deaf to
listen: mov     edi, ebx                        # signals 15 to 1 that have no handler
        lea     rsi, [rip + action]
        xor     edx, edx
        mov     r10d, SIGSET_SIZE
        mov     eax, RT_SIGACTION
        syscall
        dec     ebx
        jnz     listen

        mov     rsi, [rbp + 8]
        call    claim
        mov     ebx, edi
        mov     rsi, [rbp + 16]
        call    claim
        mov     r12d, edi

        test    ebx, ebx
        js      run
wait:   mov     edi, ebx
        lea     rsi, [rsp - 8]
        mov     edx, 1
        xor     eax, eax                        # READ
        syscall
        cmp     rax, 1
        je      run
        cmp     rax, -EINTR
        je      wait
refuse: mov     edi, 1
        jmp     exit

run:    mov     r15d, DATA
        lea     r13, [r15 + 32]
        mov     qword ptr [r15], 0              # also makes the page ours, before anybody may hold on to it
        mov     ebx, 126
play:   mov     rax, [r13]
        cmp     rax, -1
        je      execute                         # the end of the list
        mov     r11, [r13 + 56]
        .macro  argument register, offset, bit
        mov     \register, [r13 + \offset]
        test    r11b, 1 << \bit
        jz      1f
        mov     \register, [\register]          # what an earlier call has kept
1:
        .endm
        argument rdi, 8, 0
        argument rsi, 16, 1
        argument rdx, 24, 2
        argument r10, 32, 3
        argument r8, 40, 4
        argument r9, 48, 5
        test    rax, rax
        js      look
        syscall
        cmp     rax, -EINTR
        je      play
judge:  cmp     rax, [r13 + 96]
        je      other
        cmp     rax, [r13 + 64]
        jl      broke
        xor     edi, edi
        cmp     rax, [r13 + 72]
        jg      exit                            # another process goes on with the list
        add     rax, [r13 + 88]
        mov     rcx, [r13 + 80]
        mov     [rcx], rax
        mov     r13, [r13 + 112]
        jmp     play
look:   mov     rax, [rdi]                      # no system call: what lies in memory is the result
        and     rax, rsi
        jmp     judge
other:  mov     r13, [r13 + 104]
        jmp     play

execute: mov    rdi, [r15 + 24]
        test    rdi, rdi
        jnz     found
        mov     rdi, [rbp + 24]
found:  lea     rsi, [rbp + 32]
        mov     rdx, r14
        mov     eax, EXECVE
        syscall
        cmp     eax, -ENOENT                    # it came back, so it failed
        jne     broke
        inc     ebx                             # 127
broke:  neg     eax
        jg      tell
        mov     eax, EIO                        # less was done than the list demands
tell:   mov     [r15], eax                      # a store, since a filter may forbid what follows
        mov     edi, r12d                       # with no outcome fd, write(-1) fails and nobody minds
        mov     rsi, r15
        mov     rdx, [r15 + 8]
        mov     eax, WRITE
        syscall
        mov     edi, r12d
        mov     rsi, [r13 + 120]
        mov     rdx, [r13 + 128]
        mov     eax, WRITE
        syscall
        mov     edi, ebx
exit:   mov     eax, EXIT_GROUP
        syscall
        ud2                                     # a filter may forbid even that

ended:  sub     edi, -128                       # the handler: exit with 128 + signal
        jmp     exit

claim:  or      edi, -1                         # rsi: a decimal number or "-"; edi: that fd, now FD_CLOEXEC, or -1
        lodsb
        cmp     al, '-'
        je      claimed
        xor     edi, edi
digit:  movzx   eax, al
        imul    edi, edi, 10
        lea     edi, [rdi + rax - '0']
        lodsb
        test    al, al
        jnz     digit
        mov     esi, F_SETFD
        mov     edx, FD_CLOEXEC
        mov     eax, FCNTL
        syscall
claimed: ret

        .balign 16
end:
