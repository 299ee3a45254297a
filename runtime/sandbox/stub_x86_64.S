# The program that a created container waits in: see stub.py for what it is for and its protocol.
# It is a whole ELF file, headers included; `as` and `objcopy -O binary` turn it into the bytes in stub.py.
#
#   argv: "runf-init" GATE OUTCOME PATH ARG0 [ARG1 ...]        registers that survive system calls:
#         0           8    16      24   32                     rbp &argv[0]   r14 envp
#                                                              ebx gate fd    r12d outcome fd  (-1: none)

        .intel_syntax noprefix
        .set    BASE, 0x400000                  # where the image is mapped: ET_EXEC, so addresses are known
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

        .text
image:  .byte   0x7f, 'E', 'L', 'F', 2, 1, 1, 0 # Elf64_Ehdr: 64 bits, little endian, version 1
        .quad   0
        .short  2, 62                           # ET_EXEC, EM_X86_64
        .long   1
        .quad   start - image + BASE
        .quad   headers - image
        .quad   0                               # no sections
        .long   0
        .short  64, 56, 2, 0, 0, 0              # two program headers

headers: .long  1, 5                            # PT_LOAD, PF_R | PF_X: one page that nothing can write
        .quad   0, BASE, BASE, end - image, end - image, 0x1000
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

run:    mov     rdi, [rbp + 24]
        lea     rsi, [rbp + 32]
        mov     rdx, r14
        mov     eax, EXECVE
        syscall
        neg     eax                             # it came back, so it failed
        mov     [rsp - 8], eax
        mov     ebx, 126
        cmp     eax, ENOENT
        jne     tell
        inc     ebx                             # 127
tell:   mov     edi, r12d                       # with no outcome fd, write(-1) fails and nobody minds
        lea     rsi, [rsp - 8]
        mov     edx, 4
        mov     eax, WRITE
        syscall
        mov     edi, ebx
exit:   mov     eax, EXIT_GROUP
        syscall

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
end:
